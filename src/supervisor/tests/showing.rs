//! The pages of the admin server.

use super::*;
use crate::pipeline::Kind;
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

fn get(address: SocketAddr, path: &str) -> String {
    request(address, &format!("GET {path}"), "", "")
}

#[test]
fn the_admin_server_answers_before_during_and_after_the_nodes_are_up() {
    let rig =
        Rig::new().node("trips", Kind::Stream, None, false).node("review", Kind::Workers, Some(3), false);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (early, unseen) = watch::channel(Arc::new(Health::default()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let waiting = Admin::start(listener, parts(unseen, &rig.metrics, ControlPlane::pair().0)).unwrap();
    assert!(get(waiting.address(), "/readyz").starts_with("HTTP/1.1 503"));
    assert!(get(waiting.address(), "/livez").starts_with("HTTP/1.1 200"));
    runtime.block_on(waiting.stop());
    drop(early);

    let system = rig.start(Duration::from_secs(20));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = Admin::start(listener, parts(system.health.clone(), &system.metrics, system.control.clone()))
        .unwrap();
    system.ready();
    let address = admin.address();
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = get(address, "/metrics");
    assert!(metrics.contains("text/plain; version=0.0.4") && metrics.contains("caudal_workers_desired"));
    let health = get(address, "/health");
    let (_, json) = health.split_once("\r\n\r\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["nodes"]["trips"]["state"], "running");
    assert_eq!(json["nodes"]["review"]["pool"]["max"], 3);
    assert!(get(address, "/pools").contains("\"review\""));
    assert!(get(address, "/pools/review/activities").ends_with("[]"));
    assert!(get(address, "/pools/trips/activities").contains("there are: review"));
    assert!(get(address, "/").contains("/pools/{name}/activities"));
    assert!(get(address, "/nothing").starts_with("HTTP/1.1 404"));
    system.stop.send_replace(StopRequest::Drain);
    system.until(|health| health.phase == Phase::Drained);
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 503"));
    system.runtime.block_on(admin.stop());
    assert_eq!(system.serving.join().unwrap(), Ended::Drained);
}
