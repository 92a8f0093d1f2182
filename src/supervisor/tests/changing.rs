//! The running topology is changed.

use super::*;
use crate::{
    pipeline::{Kind, Scale},
    supervisor::{node::Observe, supervisor::Supervisor},
};
use actix::{Handler, Message};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

fn change(order: &[&str]) -> Change {
    Change {
        topology: "changed".to_owned(),
        order: names(order),
        added: Vec::new(),
        replaced: Vec::new(),
        rescaled: Vec::new(),
        removed: Vec::new(),
        deadline: Duration::from_secs(20),
    }
}

fn place(diary: &[String], entry: &str) -> usize {
    diary.iter().position(|written| written == entry).unwrap_or_else(|| panic!("no {entry:?} in {diary:?}"))
}

#[test]
fn what_is_new_starts_what_has_changed_is_handed_over_and_what_has_gone_drains_upstream_first() {
    let rig = Rig::new()
        .node("collector", Kind::Ingress, Some(2), false)
        .node("trips", Kind::Stream, None, false)
        .node("rides", Kind::Queue, None, false)
        .node("old", Kind::Raw, None, false)
        .node("bronze", Kind::Raw, None, false);
    let change = Change {
        added: vec![rig.built("silver", "silver", Kind::Loader, false)],
        replaced: vec![
            rig.built("collector", "collector'", Kind::Ingress, false),
            rig.built("bronze", "bronze'", Kind::Raw, false),
        ],
        removed: names(&["rides", "old"]),
        ..change(&["collector", "trips", "bronze", "silver"])
    };
    let system = rig.start(Duration::from_secs(20));
    system.ready();
    let applied = system.apply(change).unwrap();
    assert_eq!(applied.added, names(&["silver"]));
    assert_eq!(applied.removed, names(&["rides", "old"]));
    assert_eq!(applied.replaced.len(), 2);
    assert!(applied.stragglers.is_empty() && applied.rolled_back.is_empty());
    let health = system.until(|health| health.topology == "changed" && health.nodes.len() == 4);
    assert_eq!(health.nodes.keys().collect::<Vec<_>>(), ["collector", "trips", "bronze", "silver"]);
    let diary = system.diary.lock().unwrap().clone();
    // An ingress serves before the old one is asked to end; a writer starts when the old one has ended.
    assert!(place(&diary, "collector' started") < place(&diary, "collector ended"), "{diary:?}");
    assert!(place(&diary, "bronze ended") < place(&diary, "bronze' started"), "{diary:?}");
    assert!(place(&diary, "rides ended") < place(&diary, "old asked"), "{diary:?}");
    assert!(!diary.contains(&"trips asked".to_owned()), "untouched: {diary:?}");
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn what_does_not_drain_by_the_deadline_is_cut_off_and_named() {
    let rig = Rig::new().node("trips", Kind::Stream, None, false).node("bronze", Kind::Raw, None, true).node(
        "old",
        Kind::Raw,
        None,
        true,
    );
    let change = Change {
        replaced: vec![rig.built("bronze", "bronze'", Kind::Raw, false)],
        removed: names(&["old"]),
        deadline: Duration::from_secs(2),
        ..change(&["trips", "bronze"])
    };
    let system = rig.start(Duration::from_secs(20));
    system.ready();
    let applied = system.apply(change).unwrap();
    let cut_off: Vec<String> = applied.stragglers.iter().map(ToString::to_string).collect();
    assert_eq!(cut_off, ["bronze (task-0)", "old (task-0)"]);
    assert_eq!(applied.replaced, names(&["bronze"]));
    let diary = || system.diary.lock().unwrap().contains(&"bronze' started".to_owned());
    system.until(|_| diary());
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn what_cannot_be_applied_changes_nothing() {
    let rig = Rig::new().node("trips", Kind::Stream, None, false).node("bronze", Kind::Raw, None, false);
    let all = ["trips", "bronze"];
    let twice = Change { added: vec![rig.built("trips", "x", Kind::Raw, false)], ..change(&all) };
    let unknown = Change { replaced: vec![rig.built("gold", "x", Kind::Raw, false)], ..change(&all) };
    let gone = Change { removed: names(&["gold"]), ..change(&all) };
    let unordered = change(&["trips"]);
    let late = change(&all);
    let system = rig.start(Duration::from_secs(20));
    system.ready();
    assert_eq!(system.apply(twice), Err(NotApplied::Exists("trips".into())));
    assert_eq!(system.apply(unknown), Err(NotApplied::Unknown("gold".into())));
    assert_eq!(system.apply(gone), Err(NotApplied::Unknown("gold".into())));
    assert_eq!(system.apply(unordered), Err(NotApplied::Unordered("bronze".into())));
    let health = system.until(|health| health.ready);
    assert_eq!(health.topology, "trial");
    let control = system.control.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    assert_eq!(runtime.block_on(control.apply(late)), Err(NotApplied::Gone));
}

#[test]
fn one_change_at_a_time_and_a_rescaled_pool_keeps_its_workers() {
    let rig = Rig::new().node("bronze", Kind::Raw, None, true).node("review", Kind::Workers, Some(4), false);
    let all = ["bronze", "review"];
    let slow = Change {
        replaced: vec![rig.built("bronze", "bronze'", Kind::Raw, false)],
        // Another one comes meanwhile, however slow the machine.
        deadline: Duration::from_secs(8),
        ..change(&all)
    };
    let scale = Scale::between(3, 6);
    let rescaled = vec![Rescaled { name: "review".into(), terms: Some(scale).into() }];
    let second = Change { rescaled, ..change(&all) };
    let again = Change { rescaled: second.rescaled.clone(), ..change(&all) };
    let system = rig.start(Duration::from_secs(20));
    system.ready();
    let control = system.control.clone();
    let applying = system.runtime.spawn(async move { control.apply(slow).await });
    let asked = || system.diary.lock().unwrap().contains(&"bronze asked".to_owned());
    system.until(|_| asked());
    assert_eq!(system.apply(second), Err(NotApplied::Busy));
    assert!(system.runtime.block_on(applying).unwrap().is_ok());
    let applied = system.apply(again).unwrap();
    assert_eq!(applied.rescaled, names(&["review"]));
    let health = system.until_workers("review", 3);
    let activity = health.pools["review"].activities.iter().last().unwrap();
    assert_eq!((&activity.cause, activity.from, activity.to), (&Cause::Topology, 1, 3));
    let scale = Scale { desired: Some(5), ..Scale::between(3, 6) };
    let rescaled = vec![Rescaled { name: "review".into(), terms: Some(scale).into() }];
    system.apply(Change { rescaled, ..change(&all) }).unwrap();
    system.until_workers("review", 5);
    let ends = system.diary.lock().unwrap().iter().filter(|entry| *entry == "review ended").count();
    assert_eq!(ends, 0);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

/// Removes a node whose mailbox is full.
#[derive(Message)]
#[rtype(result = "()")]
struct RemoveBusy(&'static str);

impl Handler<RemoveBusy> for Supervisor {
    type Result = ();

    fn handle(&mut self, RemoveBusy(name): RemoveBusy, context: &mut Self::Context) {
        let node = &self.member(name).unwrap().node;
        while node.try_send(Observe).is_ok() {}
        self.remove(&names(&[name]), context);
    }
}

#[test]
fn a_node_that_was_removed_ends_however_full_its_mailbox_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let desk = Desk::with(0);
    let rig = Rig::new().crew("review", &desk, Scale::between(0, 2), Mischief::NONE);
    let (health, _) = watch::channel(Arc::new(Health::default()));
    actix::System::new().block_on(async {
        let tasks_on = runtime.handle();
        let supervisor =
            Supervisor::begin("trial", rig.nodes, tasks_on, health, None, Duration::from_secs(20));
        supervisor.send(RemoveBusy("review")).await.unwrap();
        let begun = Instant::now();
        // Its stage, which holds the desk, goes with its actor.
        while Arc::strong_count(&desk) > 1 {
            assert!(begun.elapsed() < Duration::from_secs(90), "its actor lives on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}
