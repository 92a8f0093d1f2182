//! Which workers are in service but too new to be measured.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Groups of workers that are followed; older ones are taken as warm.
const MOST_GROUPS: usize = 64;

/// Warm-up of one pool's workers.
#[derive(Debug)]
pub(super) struct WarmUp {
    length: Duration,
    in_service: u32,
    /// When workers came into service, and how many, the newest last.
    joined: VecDeque<(Instant, u32)>,
}

impl WarmUp {
    pub fn new(length: Duration) -> Self {
        Self { length, in_service: 0, joined: VecDeque::new() }
    }

    /// Goes on with the workers of another one.
    pub fn take_over(&mut self, other: &mut Self) {
        self.in_service = other.in_service;
        self.joined = std::mem::take(&mut other.joined);
    }

    /// Workers of those in service that are warm.
    pub fn warm(&mut self, now: Instant, in_service: u32) -> u32 {
        let more = in_service.saturating_sub(self.in_service);
        if more > 0 {
            self.joined.push_back((now, more));
        }
        self.in_service = in_service;
        while self.joined.len() > MOST_GROUPS
            || self.joined.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.length)
        {
            self.joined.pop_front();
        }
        let warming: u32 = self.joined.iter().map(|(_, workers)| *workers).sum();
        in_service.saturating_sub(warming)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_counts_once_its_warm_up_is_over() {
        let begun = Instant::now();
        let mut warm_up = WarmUp::new(Duration::from_secs(30));
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(warm_up.warm(at(0), 4), 0);
        assert_eq!(warm_up.warm(at(10), 6), 0);
        assert_eq!(warm_up.warm(at(30), 6), 4);
        assert_eq!(warm_up.warm(at(40), 6), 6);
        assert_eq!(warm_up.warm(at(41), 2), 2);
        assert_eq!(WarmUp::new(Duration::ZERO).warm(begun, 7), 7);
    }
}
