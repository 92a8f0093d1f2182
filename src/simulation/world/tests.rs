//! The world loses nothing, invents nothing, and takes the time it is told.

use super::World;
use crate::simulation::PoolModel;
use std::time::Duration;

fn model(service_ms: u64, start_ms: u64, min: u32) -> PoolModel {
    PoolModel {
        service: Duration::from_millis(service_ms),
        start: Duration::from_millis(start_ms),
        min,
        ..PoolModel::default()
    }
}

fn ticks(world: &mut World, seconds: f64) {
    let end = world.now() + seconds;
    while world.now() < end - 1e-9 {
        world.tick(0);
    }
}

#[test]
fn every_record_waits_is_held_or_is_done_whatever_is_ordered() {
    for seed in 0..60_u64 {
        let service = [1, 7, 30, 50, 100, 330, 2_500][seed as usize % 7];
        let sink_limit = (seed % 3 == 0).then_some(40.0);
        let model = PoolModel { sink_limit, ..model(service, 1_300, (seed % 4) as u32) };
        let mut world = World::new(&model);
        let mut state = seed + 1;
        let mut chance = |end: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        let mut sent = 0;
        for _ in 0..4_000 {
            let arrivals = chance(8);
            sent += arrivals;
            world.tick(arrivals);
            if chance(15) == 0 {
                world.order(chance(40) as u32);
            }
            let seen = world.observe();
            assert_eq!(seen.arrived, sent);
            assert_eq!(seen.arrived, seen.backlog + seen.in_flight + seen.processed, "seed {seed}");
            assert_eq!(world.missing(), 0);
            assert_eq!(seen.oldest_age.is_none(), seen.processed == sent);
        }
        world.order(40);
        ticks(&mut world, sent as f64 * 2.5 + 20.0);
        assert_eq!(world.finished(), sent, "seed {seed}: all is done in the end");
        let (seen, work) = (world.observe(), sent as f64 * model.service.as_secs_f64());
        assert!(seen.busy_seconds >= work - 1e-6, "seed {seed}");
        assert!(sink_limit.is_some() || seen.busy_seconds <= work + 1e-6, "seed {seed}: waited for no sink");
        assert_eq!((seen.in_service, seen.pending, seen.draining), (40, 0, 0));
    }
}

#[test]
fn workers_finish_as_many_records_as_their_service_time_says() {
    for service_ms in [1, 3, 7, 20, 33, 50, 75, 100, 450, 2_000] {
        let mut world = World::new(&model(service_ms, 0, 4));
        world.tick(10_000_000);
        ticks(&mut world, 60.0);
        let rate = world.finished() as f64 / world.now();
        let expected = 4_000.0 / service_ms as f64;
        assert!((rate / expected - 1.0).abs() < 0.06, "{service_ms} ms: {rate} and not {expected}");
        assert!(world.tick_seconds() <= 0.05 + 1e-9 && world.tick_seconds() >= 0.024);
    }
}

#[test]
fn an_ordered_worker_is_pending_until_its_start_is_over_and_paid_from_its_order_on() {
    let mut world = World::new(&model(100, 5_000, 1));
    ticks(&mut world, 1.0);
    world.order(4);
    assert_eq!((world.observe().pending, world.in_service()), (3, 1));
    ticks(&mut world, 4.95);
    assert_eq!((world.observe().pending, world.in_service()), (3, 1));
    world.tick(0);
    assert_eq!((world.observe().pending, world.in_service()), (0, 4));
    assert!((world.worker_seconds() - 21.0).abs() < 0.01, "{}", world.worker_seconds());
}

#[test]
fn those_who_have_not_started_leave_first_then_the_idle_and_the_busy_finish() {
    let mut world = World::new(&model(10_000, 5_000, 4));
    world.tick(3);
    world.order(6);
    world.order(1);
    let seen = world.observe();
    assert_eq!((seen.pending, seen.in_service, seen.draining), (0, 1, 2), "one idle left, two leave");
    assert_eq!(seen.in_flight, 3);
    world.tick(5);
    assert_eq!(world.observe().in_flight, 3, "who leaves takes nothing new");
    ticks(&mut world, 10.0);
    let seen = world.observe();
    assert_eq!((seen.processed, seen.in_service, seen.draining), (3, 1, 0));
}

#[test]
fn the_oldest_record_is_the_oldest_not_finished() {
    let mut world = World::new(&model(1_000, 0, 1));
    world.tick(2);
    ticks(&mut world, 0.5);
    assert!((world.oldest_age() - 0.5).abs() < 0.01, "{}: a held record counts", world.oldest_age());
    ticks(&mut world, 1.0);
    assert!((world.oldest_age() - 1.5).abs() < 0.01, "{}", world.oldest_age());
    ticks(&mut world, 1.0);
    assert_eq!(world.observe().oldest_age, None);
}

#[test]
fn a_sink_takes_what_it_takes_and_those_who_wait_for_it_are_busy() {
    let model = PoolModel { sink_limit: Some(30.0), ..model(100, 0, 10) };
    let mut world = World::new(&model);
    world.tick(100_000);
    ticks(&mut world, 20.0);
    let seen = world.observe();
    assert!((590..=602).contains(&seen.processed), "{}", seen.processed);
    let of_one = seen.busy_seconds / seen.processed as f64;
    assert!((0.30..0.35).contains(&of_one), "ten workers share 30/s: {of_one} s a record");
    assert_eq!(seen.in_flight, 10);
}
