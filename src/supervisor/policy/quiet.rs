//! The most that was wanted within a time, for scale-in that waits until all of it needed less.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Wants that are remembered; more are joined with the newest.
const MOST_WANTS: usize = 4096;

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
