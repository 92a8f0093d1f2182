//! Starting, failing, draining, stopping.

use super::*;
use crate::pipeline::Kind;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

#[test]
fn drains_upstream_first_and_each_node_ends_before_the_next_is_asked() {
    let rig = Rig::new()
        .node("trips", Kind::Stream, None, false)
        .node("collector", Kind::Ingress, Some(2), false)
        .node("bronze", Kind::Raw, None, false);
    let system = rig.start(Duration::from_secs(20));
    system.ready();
    let (ended, mut diary) = system.stop(StopRequest::Drain);
    assert_eq!(ended, Ended::Drained);
    diary.retain(|entry| !entry.ends_with("started"));
    assert_eq!(
        diary,
        ["collector asked", "collector ended", "trips asked", "trips ended", "bronze asked", "bronze ended"]
    );
}

#[test]
fn a_straggler_is_named_and_does_not_keep_the_others_from_finishing() {
    let rig = Rig::new().node("review", Kind::Workers, None, true).node("bronze", Kind::Raw, None, false);
    let system = rig.start(Duration::from_secs(2));
    system.ready();
    let begun = Instant::now();
    let (ended, diary) = system.stop(StopRequest::Drain);
    let Ended::Stragglers(stragglers) = ended else { panic!("{ended:?}") };
    assert_eq!(stragglers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["review (task-0)"]);
    assert!(diary.contains(&"bronze ended".to_owned()), "{diary:?}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_second_request_aborts_a_drain_at_once() {
    let system = Rig::new().node("review", Kind::Workers, None, true).start(Duration::from_secs(600));
    system.ready();
    system.stop.send_replace(StopRequest::Drain);
    system.until(|health| health.phase == Phase::Draining);
    let Ended::Aborted(cut_off) = system.stop(StopRequest::Abort).0 else { panic!("not aborted") };
    assert_eq!(cut_off.iter().map(ToString::to_string).collect::<Vec<_>>(), ["review (task-0)"]);
}

#[test]
fn a_panicked_task_comes_back_and_the_others_never_stop() {
    let rig = Rig::new().node("review", Kind::Workers, None, false).node("bronze", Kind::Raw, None, false);
    rig.panics.store(1, Ordering::SeqCst);
    let system = rig.start(Duration::from_secs(20));
    let health = system.until(|health| health.nodes.values().any(|node| node.restarts == 1));
    let hurt = health.nodes.values().find(|node| node.restarts == 1).unwrap();
    assert_eq!(hurt.last_error.as_deref(), Some("task-0: panicked: as ordered"));
    system.until(|health| health.nodes.values().all(|node| node.state == NodeState::Running));
    assert!(system.metrics.render().contains("caudal_panics_total"));
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_node_that_keeps_failing_is_reported_failed_while_the_rest_goes_on() {
    let rig = Rig::new().node("review", Kind::Workers, None, false);
    rig.panics.store(100, Ordering::SeqCst);
    let mut rig = rig;
    rig.panics = Arc::default();
    let system = rig.node("bronze", Kind::Raw, None, false).start(Duration::from_secs(20));
    let health = system.until(Health::has_failed_node);
    assert_eq!(health.nodes["review"].state, NodeState::Failed);
    assert_eq!(health.nodes["bronze"].state, NodeState::Running);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}
