//! Verbs over HTTP.

use super::*;
use crate::pipeline::Scale;
use serde_json::{Value, json};
use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

const SECRET: &str = "0123456789abcdef";

struct Posting {
    system: System,
    admin: Admin,
}

impl Posting {
    fn new(token: Option<&str>, reload: Option<Reload>) -> Self {
        let desk = Desk::with(0);
        let rig = Rig::new().crew("review", &desk, Scale::between(1, 8), Mischief::NONE);
        let system = rig.start(Duration::from_secs(20));
        system.ready();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let parts = parts(system.health.clone(), &system.metrics, system.control.clone());
        let token = token.map(|token| Token::new(token).unwrap());
        let admin = Admin::start(listener, AdminParts { token, reload, ..parts }).unwrap();
        Self { system, admin }
    }

    fn address(&self) -> SocketAddr {
        self.admin.address()
    }

    fn post(&self, path: &str, body: &str) -> (u16, Value) {
        answer(&request(self.address(), &format!("POST {path}"), "", body))
    }

    fn get(&self, path: &str) -> Value {
        answer(&request(self.address(), &format!("GET {path}"), "", "")).1
    }

    fn end(self) {
        self.system.runtime.block_on(self.admin.stop());
        assert_eq!(self.system.stop(StopRequest::Drain).0, Ended::Drained);
    }
}

#[test]
fn a_capacity_is_ordered_by_hand_within_the_bounds() {
    let posting = Posting::new(None, None);
    let (status, told) = posting.post("/pools/review/desired", r#"{"desired": 5}"#);
    assert_eq!((status, told), (200, json!({"from": 1, "to": 5, "because": "it was set by hand"})));
    posting.system.until_workers("review", 5);
    let activities = posting.get("/pools/review/activities");
    assert_eq!((&activities[0]["cause"], &activities[0]["to"]), (&json!("manual"), &json!(5)));
    let (status, told) = posting.post("/pools/review/desired", r#"{"desired": 9}"#);
    assert_eq!(status, 400);
    assert_eq!(
        told["error"],
        "desired 9 is not within 1 to 8; choose one within, or change the pool's scale"
    );
    for (body, part) in [
        ("", "the body is empty"),
        (r#"{"desired": "many"}"#, "desired"),
        (r#"{"desirable": 3}"#, "desirable"),
        ("3", "struct"),
    ] {
        let (status, told) = posting.post("/pools/review/desired", body);
        let error = told["error"].as_str().unwrap();
        assert!(status == 400 && error.contains(part) && error.contains(r#"{"desired": 4}"#), "{error}");
    }
    let (status, told) = posting.post("/pools/nobody/desired", r#"{"desired": 1}"#);
    assert_eq!((status, &told["error"]), (404, &json!("no pool \"nobody\"; there are: review")));
    posting.end();
}

#[test]
fn a_suspended_pool_decides_nothing_and_says_so() {
    let posting = Posting::new(None, None);
    assert_eq!(posting.post("/pools/review/suspend", ""), (200, json!({"suspended": true})));
    posting.system.until(|health| health.nodes["review"].pool.as_ref().is_some_and(|pool| pool.suspended));
    assert_eq!(posting.post("/pools/review/resume", ""), (200, json!({"suspended": false})));
    posting.system.until(|health| health.nodes["review"].pool.as_ref().is_some_and(|pool| !pool.suspended));
    let activities = posting.get("/pools/review/activities");
    assert_eq!(activities[0]["because"], "scaling was resumed");
    posting.end();
}

#[test]
fn a_worker_that_is_terminated_drains_and_is_replaced() {
    let posting = Posting::new(None, None);
    posting.system.until_workers("review", 1);
    let workers = posting.get("/pools/review/workers");
    let id = workers[0]["id"].as_u64().unwrap();
    assert_eq!((&workers[0]["state"], &workers[0]["key"]), (&json!("InService"), &json!("worker-0")));
    let path = format!("/pools/review/workers/{id}/terminate");
    assert_eq!(posting.post(&path, ""), (200, json!({"id": id, "draining": true})));
    posting.system.until(|health| {
        let workers = &health.pools["review"].workers;
        workers.iter().any(|worker| worker.id > id) && workers.iter().any(|worker| worker.id == id)
    });
    let workers = posting.get("/pools/review/workers");
    let gone = workers.as_array().unwrap().iter().find(|worker| worker["id"] == id).unwrap();
    assert_eq!(
        (&gone["state"], &gone["because"]),
        (&json!("Terminated"), &json!("it was terminated by hand"))
    );
    assert_eq!(posting.post(&path, "").0, 404);
    assert_eq!(posting.post("/pools/review/workers/worker-0/terminate", "").0, 400);
    posting.end();
}

#[test]
fn a_refresh_is_begun_refused_while_one_runs_and_cancelled() {
    let posting = Posting::new(None, None);
    let settings = r#"{"warm_up": "60s"}"#;
    let (status, begun) = posting.post("/pools/review/refresh", settings);
    assert_eq!((status, &begun["status"]), (200, &json!("InProgress")));
    assert_eq!(begun["preferences"]["min_healthy_percentage"], 90);
    let (status, told) = posting.post("/pools/review/refresh", "");
    assert_eq!((status, told["error"].as_str().unwrap().contains("refresh 1 is in progress")), (409, true));
    assert_eq!(posting.post("/pools/review/refresh/rollback", "").0, 409);
    let (status, cancelled) = posting.post("/pools/review/refresh/cancel", "");
    assert_eq!((status, &cancelled["status"]), (200, &json!("Cancelled")));
    assert_eq!(posting.post("/pools/review/refresh/cancel", "").0, 409);
    for (settings, part) in [
        (r#"{"min_healthy_percentage": 101}"#, "min_healthy_percentage 101"),
        (r#"{"max_healthy_percentage": 250}"#, "max_healthy_percentage 250"),
        (r#"{"checkpoint_percentages": [50, 20]}"#, "checkpoint_percentages [50, 20]"),
        (r#"{"bake_time": "soon"}"#, "bake_time"),
    ] {
        let (status, told) = posting.post("/pools/review/refresh", settings);
        assert!(status == 400 && told["error"].as_str().unwrap().contains(part), "{told}");
    }
    posting.system.until(|health| !health.pools["review"].refreshes.is_empty());
    assert_eq!(posting.get("/pools/review/refreshes")[0]["status"], "Cancelled");
    posting.end();
}

#[test]
fn verbs_need_the_token_and_pages_do_not() {
    let posting = Posting::new(Some(SECRET), None);
    let (address, head) = (posting.address(), "POST /pools/review/suspend");
    let refused = request(address, head, "", "");
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("www-authenticate: Bearer"), "{refused}");
    let wrong = request(address, head, "authorization: Bearer 0123456789abcdeX\r\n", "");
    assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
    let malformed = request(address, "POST /pools/review/desired", "", "nonsense");
    assert!(malformed.starts_with("HTTP/1.1 401"), "a stranger learns nothing of the body: {malformed}");
    let allowed = request(address, head, &format!("authorization: Bearer {SECRET}\r\n"), "");
    assert!(allowed.starts_with("HTTP/1.1 200"), "{allowed}");
    assert!(posting.get("/pools")["review"].is_object());
    let page = request(address, head, "origin: http://evil.example\r\n", "");
    assert!(page.starts_with("HTTP/1.1 403"), "{page}");
    posting.end();
}

#[test]
fn a_reload_answers_what_was_done_or_that_nothing_can_be_loaded() {
    let posting = Posting::new(None, None);
    assert_eq!(posting.post("/reload", "").0, 409);
    posting.end();
    let reload = Reload::new(|| Box::pin(async { Ok("2 nodes replaced".to_owned()) }));
    let posting = Posting::new(None, Some(reload));
    let (status, told) = posting.post("/reload", "");
    assert_eq!((status, told.to_string().contains("2 nodes replaced")), (200, true));
    posting.end();
}
