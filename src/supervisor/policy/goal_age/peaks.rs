//! The most that was wanted within any time up to a longest one.

use crate::supervisor::policy::words::milliseconds;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Peaks that are kept; the oldest go first.
const MOST_PEAKS: usize = 1024;
/// Peaks that are remembered across a restart.
const MOST_REMEMBERED: usize = 256;

/// Falling: each is less than those before it, and later.
#[derive(Debug, Default)]
pub struct Peaks(VecDeque<(Instant, u32)>);

impl Peaks {
    pub fn push(&mut self, now: Instant, wanted: u32, longest: Duration) {
        while self.0.back().is_some_and(|(_, less)| *less <= wanted) {
            self.0.pop_back();
        }
        self.0.push_back((now, wanted));
        while self.0.len() > MOST_PEAKS
            || self.0.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > longest)
        {
            self.0.pop_front();
        }
    }

    /// It is known by now that no more than so much was wanted since then: what seemed to be wanted later was
    /// wanted until then.
    pub fn lower(&mut self, since: Instant, wanted: u32) {
        let mut until = None;
        while let Some((_, more)) = self.0.pop_back_if(|(at, more)| *at > since && *more > wanted) {
            until = Some(more);
        }
        self.0.extend(until.map(|most| (since, most)));
    }

    /// The most within a time until now.
    pub fn most(&self, now: Instant, within: Duration) -> u32 {
        let older = self.0.partition_point(|(at, _)| now.saturating_duration_since(*at) > within);
        self.0.get(older).map_or(0, |(_, wanted)| *wanted)
    }

    /// Peaks by how long they are past, in milliseconds.
    pub fn remember(&self, now: Instant) -> Vec<(u64, u32)> {
        let every = self.0.len().div_ceil(MOST_REMEMBERED).max(1);
        self.0.iter().step_by(every).map(|(at, wanted)| (milliseconds(now, *at), *wanted)).collect()
    }

    /// Takes up peaks from `age` before; what is older than the clock reaches back is left out.
    pub fn recall(&mut self, now: Instant, age: Duration, peaks: &[(u64, u32)], longest: Duration) {
        for (ago, wanted) in peaks.iter().take(MOST_REMEMBERED * 2) {
            if let Some(at) = now.checked_sub(Duration::from_millis(*ago).saturating_add(age)) {
                self.push(at, *wanted, longest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_seemed_to_be_wanted_after_a_change_was_wanted_until_it() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let (minute, longest) = (Duration::from_secs(60), Duration::from_secs(900));
        let mut peaks = Peaks::default();
        (0..=110).for_each(|second| peaks.push(at(second), 50, longest));
        peaks.lower(at(100), 20);
        peaks.push(at(110), 20, longest);
        assert_eq!(peaks.most(at(160), minute), 50, "a minute after the change");
        assert_eq!(peaks.most(at(161), minute), 20, "and not after it was noticed");
        peaks.lower(at(105), 30);
        assert_eq!(peaks.most(at(160), minute), 50, "what was wanted before is not touched");
    }
}
