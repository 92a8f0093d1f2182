//! The most that was wanted within a time, for scale-in that waits until all of it needed less.

use super::words::milliseconds;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Wants that are remembered; more are joined with the newest.
const MOST_WANTS: usize = 4096;

/// Wants that are remembered across a restart.
const MOST_REMEMBERED: usize = 64;

/// What is kept of them across a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuietMemory {
    /// For how long it had been watched, milliseconds; no more than the window is long.
    pub watched: u64,
    /// Falling wants by how long they are past, milliseconds.
    pub wants: Vec<(u64, u32)>,
}

/// Wants within a window.
#[derive(Debug)]
pub(super) struct Quiet {
    length: Duration,
    since: Option<Instant>,
    /// Falling: each is less than those before it, and later.
    wants: VecDeque<(Instant, u32)>,
}

impl Quiet {
    pub fn new(length: Duration) -> Self {
        Self { length, since: None, wants: VecDeque::new() }
    }

    pub fn length(&self) -> Duration {
        self.length
    }

    pub fn remember(&self, now: Instant) -> QuietMemory {
        let longest = u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX);
        let every = self.wants.len().div_ceil(MOST_REMEMBERED).max(1);
        let wants = self.wants.iter().step_by(every);
        QuietMemory {
            watched: self.since.map_or(0, |since| milliseconds(now, since).min(longest)),
            wants: wants.map(|(at, wanted)| (milliseconds(now, *at), *wanted)).collect(),
        }
    }

    /// Goes on from what was kept, as if no time had passed since.
    pub fn recall(&mut self, now: Instant, memory: &QuietMemory) {
        let at = |ago: u64| now.checked_sub(Duration::from_millis(ago));
        if memory.wants.is_empty() {
            return;
        }
        self.since = at(memory.watched);
        let want = |(ago, wanted): &(u64, u32)| Some((at(*ago)?, *wanted));
        self.wants = memory.wants.iter().take(2 * MOST_REMEMBERED).filter_map(want).collect();
    }

    /// Takes in what is wanted now; answers the most within the window, once it has been seen whole.
    pub fn watch(&mut self, now: Instant, wanted: u32) -> Option<u32> {
        let since = *self.since.get_or_insert(now);
        while self.wants.back().is_some_and(|(_, less)| *less <= wanted) || self.wants.len() >= MOST_WANTS {
            self.wants.pop_back();
        }
        self.wants.push_back((now, wanted));
        while self.wants.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > self.length) {
            self.wants.pop_front();
        }
        let most = self.wants.front().map(|(_, most)| *most);
        most.filter(|_| now.saturating_duration_since(since) >= self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_the_window_is_known_once_the_window_is_full() {
        let begun = Instant::now();
        let mut quiet = Quiet::new(Duration::from_secs(3));
        let wants = [5, 2, 4, 1, 1, 1, 1, 0];
        let seen =
            wants.iter().zip(0..).map(|(want, at)| quiet.watch(begun + Duration::from_secs(at), *want));
        let seen: Vec<_> = seen.collect();
        assert_eq!(seen, [None, None, None, Some(5), Some(4), Some(4), Some(1), Some(1)]);
    }
}
