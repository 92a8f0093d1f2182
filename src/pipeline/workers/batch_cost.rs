//! What a batch costs by its size.
//!
//! A worker that waits 150 ms for a server is busy for as long whether it posted one message or fifty. Were all of
//! that time held to be the cost of its messages, more workers would split the same messages into more batches, each
//! message would seem to cost more, and more workers would be ordered for them. So a batch that is not full counts
//! as the share that its messages would have of a full one.
//!
//! The time of a batch is taken to be a line over its size, by least squares that forget: what each batch costs and
//! what each message adds. As long as sizes hardly differ each message is taken to cost as much as any other.

use std::time::{Duration, Instant};

/// What was seen loses most of its weight over so many seconds.
const MEMORY_SECONDS: f64 = 60.0;
/// Sizes tell what a message adds once they differ by more than this share of their mean.
const DOUBT: f64 = 0.1;
/// The line holds up to so many times the largest batch seen lately.
const REACH: f64 = 4.0;

/// The batches of one pool.
#[derive(Debug)]
pub struct BatchCost {
    /// Messages of a full batch.
    most: f64,
    last: Option<Instant>,
    largest: f64,
    batches: f64,
    messages: f64,
    seconds: f64,
    messages_squared: f64,
    messages_seconds: f64,
}

impl BatchCost {
    pub fn new(most: u32) -> Self {
        Self {
            most: f64::from(most.max(1)),
            last: None,
            largest: 0.0,
            batches: 0.0,
            messages: 0.0,
            seconds: 0.0,
            messages_squared: 0.0,
            messages_seconds: 0.0,
        }
    }

    /// Takes in a batch that has ended, and tells how much of its time counts: all of a full one, of another
    /// the share that its messages would have.
    pub fn counted(&mut self, now: Instant, messages: u32, took: Duration) -> Duration {
        let size = f64::from(messages.max(1));
        self.learn(now, size, took.as_secs_f64());
        let full = self.most.min(self.largest * REACH).max(size);
        let (mean, slope) = self.line();
        let time = |of: f64| mean.1 + slope * (of - mean.0);
        let share = size / full * time(full) / time(size);
        // Before any time has passed nothing is known of shares.
        if share.is_finite() { took.mul_f64(share.clamp(0.0, 1.0)) } else { took }
    }

    fn learn(&mut self, now: Instant, size: f64, seconds: f64) {
        let passed = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        let kept = (-passed.as_secs_f64() / MEMORY_SECONDS).exp();
        self.last = Some(now);
        self.largest = (self.largest * kept).max(size);
        self.batches = self.batches * kept + 1.0;
        self.messages = self.messages * kept + size;
        self.seconds = self.seconds * kept + seconds;
        self.messages_squared = self.messages_squared * kept + size * size;
        self.messages_seconds = self.messages_seconds * kept + size * seconds;
    }

    /// The mean size and time, and the seconds that each message adds: none at least, and at most as much as if
    /// batches cost nothing besides.
    fn line(&self) -> ((f64, f64), f64) {
        let (size, seconds) = (self.messages / self.batches, self.seconds / self.batches);
        let even = seconds / size;
        let variance = (self.messages_squared / self.batches - size * size).max(0.0);
        let together = self.messages_seconds / self.batches - size * seconds;
        let doubt = (DOUBT * size).powi(2);
        let slope = (together + doubt * even) / (variance + doubt);
        ((size, seconds), slope.clamp(0.0, even))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of their time that batches of these sizes count for in the end, of which each costs `each` seconds and
    /// `message` more for each of its messages.
    fn share(most: u32, sizes: &[u32], each: f64, message: f64) -> f64 {
        let (begun, mut cost) = (Instant::now(), BatchCost::new(most));
        let mut share = 0.0;
        for (second, size) in (0..200).zip(sizes.iter().cycle()) {
            let took = Duration::from_secs_f64(each + message * f64::from(*size));
            let counted = cost.counted(begun + Duration::from_secs(second), *size, took);
            share = counted.as_secs_f64() / took.as_secs_f64();
        }
        share
    }

    #[test]
    fn a_full_batch_counts_whole() {
        for (each, message) in [(0.15, 0.0), (0.0, 0.01), (0.1, 0.002)] {
            assert!((share(50, &[7, 50], each, message) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn where_only_messages_cost_every_batch_counts_whole() {
        for sizes in [&[1, 2, 3, 50, 9][..], &[1], &[10, 11]] {
            assert!((share(50, sizes, 0.0, 0.01) - 1.0).abs() < 1e-6, "{sizes:?}");
        }
    }

    #[test]
    fn where_only_batches_cost_one_counts_as_its_share_of_a_full_one() {
        let counted = share(50, &[40, 30, 20, 10], 0.15, 0.0);
        assert!((counted - 0.2).abs() < 0.03, "{counted}");
        let counted = share(50, &[40, 30, 20, 10], 0.1, 0.001);
        assert!((counted - 0.2 * 0.15 / 0.11).abs() < 0.03, "{counted}");
    }

    #[test]
    fn what_was_never_seen_is_guessed_up_to_four_times_the_largest_batch_only() {
        let counted = share(1_000, &[5, 1, 3], 0.15, 0.0);
        assert!((counted - 1.0 / 20.0).abs() < 0.03, "{counted}");
    }

    #[test]
    fn batches_of_one_size_tell_nothing_and_count_whole() {
        assert!((share(50, &[10], 0.15, 0.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_server_that_gets_slower_counts_at_once() {
        let (begun, mut cost) = (Instant::now(), BatchCost::new(50));
        let mut counted = |second: u64, size: u32, milliseconds: u64| {
            cost.counted(begun + Duration::from_secs(second), size, Duration::from_millis(milliseconds))
        };
        for second in 0..60 {
            counted(second, if second % 2 == 0 { 10 } else { 30 }, 100);
        }
        let (before, after) = (counted(60, 10, 100), counted(61, 10, 1_000));
        assert!(after > before * 5, "{before:?} {after:?}");
    }

    #[test]
    fn a_batch_that_takes_no_time_counts_nothing() {
        assert_eq!(BatchCost::new(0).counted(Instant::now(), 0, Duration::ZERO), Duration::ZERO);
    }
}
