//! Workers whose time goes to batches more than to messages: one who waits for a server carries a batch that is
//! full in the time of one that is not.

use super::Watch;
use crate::pipeline::workers::BatchCost;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::time::Duration;

const FULL_BATCH: u32 = 50;
/// Whatever its size.
const BATCH_TAKES: Duration = Duration::from_millis(150);

/// A pool whose workers take what waits, up to a full batch, again and again.
struct Pool {
    watch: Watch,
    cost: BatchCost,
    random: SmallRng,
    waiting: f64,
    arrived: f64,
    processed: f64,
}

impl Pool {
    fn new(seed: u64) -> Self {
        let watch = Watch::new(r#"{"min": 1, "max": 40, "goal_age": "5s"}"#);
        let random = SmallRng::seed_from_u64(seed);
        Self { watch, cost: BatchCost::new(FULL_BATCH), random, waiting: 0.0, arrived: 0.0, processed: 0.0 }
    }

    fn second(&mut self, rate: f64) {
        let rounds = 1.0 / BATCH_TAKES.as_secs_f64();
        for round in 0..rounds as u32 {
            let arrived = rate / rounds.floor() * self.random.random_range(0.8..1.2);
            self.arrived += arrived;
            self.waiting += arrived;
            let workers = self.watch.seen.in_service;
            let now = self.watch.now.instant + BATCH_TAKES * round;
            for left in (1..=workers).rev() {
                // They come at different times and find what has gathered since the last one.
                let found = (self.waiting / f64::from(left)).ceil().min(f64::from(FULL_BATCH));
                let taken = found.min(self.waiting);
                if taken > 0.0 {
                    self.waiting -= taken;
                    self.processed += taken;
                    let counted = self.cost.counted(now, taken.ceil() as u32, BATCH_TAKES);
                    self.watch.seen.busy_seconds += counted.as_secs_f64();
                }
            }
        }
        let seen = &mut self.watch.seen;
        (seen.arrived, seen.processed) = (self.arrived as u64, self.processed as u64);
        seen.backlog = self.waiting as u64;
        seen.in_flight = (rate * BATCH_TAKES.as_secs_f64()) as u64;
        self.watch.second();
    }
}

#[test]
fn batches_that_are_not_full_order_no_workers_for_themselves() {
    for seed in 0..5 {
        let mut pool = Pool::new(seed);
        // A worker carries 333 records in a second.
        for _ in 0..600 {
            pool.second(150.0);
        }
        assert!(pool.watch.desired() <= 2, "seed {seed}: {:?}", pool.watch.log);
        assert!(pool.watch.log.len() <= 4, "seed {seed}: {:?}", pool.watch.log);
    }
}

#[test]
fn after_a_peak_the_workers_that_only_split_batches_leave() {
    for seed in 0..5 {
        let mut pool = Pool::new(seed);
        let (mut most, mut waited) = (0, 0.0_f64);
        for second in 0..400 {
            let rate = if (60..90).contains(&second) { 1_500.0 } else { 150.0 };
            pool.second(rate);
            most = most.max(pool.watch.desired());
            waited = waited.max(pool.waiting);
        }
        // Five carry the peak; as many and more clear what gathered before they came in a fifth of the goal.
        assert!((5..=20).contains(&most), "seed {seed}: {:?}", pool.watch.log);
        assert!(waited < 7_500.0, "seed {seed}: {waited} waited, more than the peak brings within the goal");
        assert!(pool.watch.desired() <= 2, "seed {seed}: {:?}", pool.watch.log);
    }
}
