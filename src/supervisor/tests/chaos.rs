//! Panics, kills and hangs by the thousand, while pools grow and shrink.

use super::*;
use crate::pipeline::Scale;
use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

const POOLS: usize = 16;
const FAILURES: u64 = 10_000;

/// Failures of all desks together.
fn failures(desks: &[Arc<Desk>]) -> u64 {
    desks.iter().map(|desk| desk.failures.load(SeqCst)).sum()
}

#[test]
fn ten_thousand_panics_kills_and_hangs_lose_nothing_and_every_restart_keeps_its_backoff() {
    let mut rig = Rig::new();
    let mut desks = Vec::new();
    for seed in 0..POOLS {
        let desk = Desk::with(0);
        let mischief = Mischief {
            seed: seed as u64 * 1_000_003,
            panics: 100,
            errors: 60,
            hangs: 40,
            heartbeat: Duration::from_millis(200),
            ..Mischief::NONE
        };
        rig = rig.crew(&format!("pool-{seed}"), &desk, Scale::between(0, 32), mischief);
        desks.push(desk);
    }
    let system = rig.start(Duration::from_secs(30));
    system.ready();
    let (begun, mut sent, mut turn) = (Instant::now(), 0, 0);
    while failures(&desks) < FAILURES {
        assert!(begun.elapsed() < Duration::from_secs(300), "only {} failures", failures(&desks));
        let to = [1, 32, 3, 16][turn % 4];
        for (pool, desk) in desks.iter().enumerate() {
            if desk.waiting() < 500 {
                desk.more(1_000);
                sent += 1_000;
            }
            system.order(&format!("pool-{pool}"), PoolVerb::SetDesired(to)).unwrap();
        }
        turn += 1;
        std::thread::sleep(Duration::from_millis(if to == 1 { 100 } else { 1_500 }));
        assert!(!system.health.borrow().has_failed_node(), "a pool was given up");
    }
    // No more mischief than it takes: what is left is done by whoever is there.
    (0..POOLS).for_each(|pool| {
        system.order(&format!("pool-{pool}"), PoolVerb::SetDesired(16)).unwrap();
    });
    system.until(|_| desks.iter().all(|desk| desk.waiting() == 0));
    system.until(|_| desks.iter().map(|desk| desk.done_once()).sum::<usize>() == sent);
    assert_eq!(desks.iter().map(|desk| desk.hasty.load(SeqCst)).sum::<u32>(), 0, "a restart came too soon");
    (0..POOLS).for_each(|pool| {
        system.until_workers(&format!("pool-{pool}"), 16);
    });
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}
