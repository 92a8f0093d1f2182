use super::{CalledOff, FaultError, Planned, Scene, carry_out, check, plan};
use crate::{
    load::{
        scenario::{Fault, FaultKind},
        sink::Sink,
    },
    units::{ByteSize, Span},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

fn span(milliseconds: u64) -> Span {
    Span(Duration::from_millis(milliseconds))
}

fn fault(stage: &str, after: Option<Span>, kind: FaultKind) -> Fault {
    Fault { stage: stage.to_owned(), after, kind }
}

fn all_kinds() -> Vec<FaultKind> {
    let pool = "review".to_owned();
    vec![
        FaultKind::KillDaemon { down: None },
        FaultKind::WorkerCrash { pool: pool.clone() },
        FaultKind::ConsumerOutage { pool, lasting: span(1) },
        FaultKind::SlowSink { delay: span(1), lasting: span(1) },
        FaultKind::SinkOutage { lasting: span(1) },
        FaultKind::DiskFull { free: ByteSize(1), lasting: span(1) },
        FaultKind::SplitShard { stream: "trips".to_owned() },
    ]
}

#[test]
fn a_fault_is_due_by_its_stage() {
    let stages =
        [("calm", 0), ("storm", 10)].map(|(name, begin)| (name.to_owned(), Duration::from_secs(begin)));
    let (outage, split) =
        (FaultKind::SinkOutage { lasting: span(1) }, FaultKind::SplitShard { stream: "s".to_owned() });
    let faults = [
        fault("storm", Some(span(500)), outage.clone()),
        fault("storm", None, split.clone()),
        fault("calm", Some(span(20_000)), outage.clone()),
    ];
    let due = |at, kind: &FaultKind| Planned { at: Duration::from_millis(at), kind: kind.clone() };
    assert_eq!(plan(&faults, &stages), [due(10_000, &split), due(10_500, &outage), due(20_000, &outage)]);
}

#[tokio::test]
async fn what_a_fault_needs_is_asked_for_before_anything_is_sent() {
    let nothing = Scene::default();
    for kind in all_kinds() {
        let error = check(&[fault("calm", None, kind.clone())], &nothing).await.unwrap_err();
        assert!(matches!(error, FaultError::Needs { .. }), "{kind:?}: {error}");
        assert!(error.to_string().contains("give the scenario a topology"), "{error}");
        let planned = vec![Planned { at: Duration::ZERO, kind: kind.clone() }];
        if !matches!(kind, FaultKind::WorkerCrash { .. }) {
            assert!(
                carry_out(planned, Arc::new(Scene::default()), Instant::now(), CalledOff::never())
                    .await
                    .is_err(),
                "{kind:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_sink_is_out_for_as_long_as_it_was_told() {
    let (sink, client) = (Arc::new(Sink::start().await.unwrap()), reqwest::Client::new());
    let scene = Arc::new(Scene { sink: Some(Arc::clone(&sink)), ..Scene::default() });
    let planned = vec![Planned { at: Duration::ZERO, kind: FaultKind::SinkOutage { lasting: span(300) } }];
    let fault = tokio::spawn(carry_out(planned, scene, Instant::now(), CalledOff::never()));
    let post = || async { client.post(sink.url()).body("{}").send().await.unwrap().status().as_u16() };
    while post().await == 200 {}
    let done = fault.await.unwrap().unwrap();
    assert_eq!(post().await, 200, "the sink is back");
    assert_eq!((done[0].kind.as_str(), done.len()), ("sink_outage", 1));
    assert!(done[0].seconds >= 0.3, "{done:?}");
    assert!(!done[0].detail.contains(" 0 refused"), "{done:?}");
}
