//! Pools that grow and shrink.

use super::*;
use crate::pipeline::{Kind, Scale, ScaleMode};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

#[test]
fn an_old_backlog_scales_a_pool_and_the_reason_is_kept() {
    let rig = Rig::new().node("review", Kind::Workers, Some(4), false);
    rig.backlog.store(12_400, Ordering::SeqCst);
    let system = rig.start(Duration::from_secs(20));
    let scaled = |health: &Health| health.nodes["review"].observation.in_service == 4;
    let health = system.until(|health| !health.nodes.is_empty() && scaled(health));
    let activities: Vec<_> = health.pools["review"].activities.iter().cloned().collect();
    let activity = &activities[0];
    assert_eq!((activity.from, activity.to), (1, 2));
    assert_eq!(activity.because, "the oldest of 12,400 waiting is 8.0 s old and no rate is known yet");
    assert_eq!((activity.policy.as_deref(), &activity.cause), (Some("goal_age"), &Cause::Policy));
    assert_eq!(health.nodes["review"].pool.as_ref().unwrap().desired, 4);
    let metrics = system.metrics.render();
    for line in [
        "caudal_scale_outs_total{kind=\"workers\",node=\"review\"} 2",
        "caudal_scaling_decisions_total{kind=\"workers\",node=\"review\",outcome=\"out\",policy=\"goal_age\"} 2",
        "caudal_workers_min{kind=\"workers\",node=\"review\"} 1",
        "caudal_workers_max{kind=\"workers\",node=\"review\"} 4",
        "caudal_scaling_suspended{kind=\"workers\",node=\"review\"} 0",
    ] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
    assert!(!metrics.contains("caudal_workers_forecast"), "there is none");
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn scale_in_redelivers_nothing_of_a_million_records() {
    const RECORDS: u64 = 1_000_000;
    let desk = Desk::with(RECORDS);
    let mischief = Mischief { batch: 50, ..Mischief::NONE };
    let system =
        Rig::new().crew("review", &desk, Scale::between(0, 32), mischief).start(Duration::from_secs(20));
    system.ready();
    let mut orders = [32, 3, 16, 1, 24, 2].into_iter().cycle();
    while desk.done_once() < RECORDS as usize {
        let to = orders.next().unwrap();
        system.order("review", PoolVerb::SetDesired(to)).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((desk.redelivered.load(Ordering::SeqCst), desk.done_once() as u64), (0, RECORDS));
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn idle_workers_leave_first_and_busy_ones_finish_what_they_hold() {
    let desk = Desk::with(2);
    // Longer than it takes to see them busy and to order, however slow the machine.
    let slow = Duration::from_secs(12);
    let mischief = Mischief { batch: 1, each_batch_takes: slow, ..Mischief::NONE };
    let system =
        Rig::new().crew("review", &desk, Scale::between(0, 8), mischief).start(Duration::from_secs(60));
    system.ready();
    system.order("review", PoolVerb::SetDesired(8)).unwrap();
    let health = system.until(|health| {
        health.nodes["review"].pool.as_ref().is_some_and(|pool| (pool.in_service, pool.protected) == (8, 2))
    });
    let busy: Vec<u64> =
        health.pools["review"].workers.iter().filter(|worker| worker.busy).map(|worker| worker.id).collect();
    system.order("review", PoolVerb::SetDesired(2)).unwrap();
    let health = system.until(|health| health.nodes["review"].observation.in_service == 2);
    let workers = &health.pools["review"].workers;
    let stay = workers.iter().filter(|worker| worker.state == crate::pipeline::WorkerState::InService);
    assert_eq!(stay.map(|worker| worker.id).collect::<Vec<_>>(), busy);
    system.order("review", PoolVerb::SetDesired(0)).unwrap();
    system.until_workers("review", 0);
    assert_eq!((desk.done_once(), desk.redelivered.load(Ordering::SeqCst)), (2, 0));
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_pool_that_only_observes_is_told_of_and_left_alone() {
    let mut rig = Rig::new().node("review", Kind::Workers, Some(4), false);
    rig.backlog = Arc::clone(&rig.backlog);
    rig.backlog.store(12_400, Ordering::SeqCst);
    rig.nodes[0].terms.scale = Some(Scale { mode: ScaleMode::Observe, ..Scale::between(1, 4) });
    let system = rig.start(Duration::from_secs(20));
    let health =
        system.until(|health| health.pools.get("review").is_some_and(|pool| !pool.activities.is_empty()));
    let activity = health.pools["review"].activities.iter().next().unwrap();
    assert_eq!((&activity.cause, activity.status), (&Cause::ObserveOnly, ActivityStatus::Observed));
    assert_eq!((activity.from, activity.to, activity.policy.as_deref()), (1, 2, Some("goal_age")));
    assert_eq!(health.nodes["review"].observation.in_service, 1);
    let told = "caudal_scaling_decisions_total{kind=\"workers\",node=\"review\",outcome=\"observed\",policy=\"goal_age\"} 1";
    assert!(system.metrics.render().contains(told));
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_hung_worker_is_cut_off_replaced_and_its_record_done_by_another() {
    let desk = Desk::with(400);
    let mischief = Mischief { hangs: 30, heartbeat: Duration::from_millis(200), ..Mischief::NONE };
    let system =
        Rig::new().crew("review", &desk, Scale::between(4, 4), mischief).start(Duration::from_secs(20));
    system.until(|_| desk.waiting() == 0 && desk.done_once() == 400);
    let is_replaced = |one: &&Activity| one.cause == Cause::Unhealthy;
    system.until(|health| health.pools["review"].activities.iter().any(|one| is_replaced(&one)));
    let health = system.until_workers("review", 4);
    assert!(desk.redelivered.load(Ordering::SeqCst) > 0, "nobody hung: choose another seed");
    let error = health.nodes["review"].last_error.clone().unwrap();
    assert!(error.contains("no heartbeat for 0.2 s while busy with 10 deliveries"), "{error}");
    let replaced = health.pools["review"].activities.iter().find(is_replaced).unwrap();
    assert!(replaced.because.contains("no heartbeat"), "{replaced:?}");
    let gone = health.pools["review"].workers.iter().filter(|worker| worker.because.is_some());
    assert!(gone.clone().count() > 0 && gone.clone().all(|worker| !worker.busy), "{gone:?}");
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}
