//! What is told and not done, without saying the same over and over.

use std::time::{Duration, Instant};

/// Least time between two that differ.
const LEAST: Duration = Duration::from_secs(10);
/// The same when they differ by less than a tenth.
const SMALL: Duration = Duration::from_secs(60);
/// What was told longer ago than this, with nothing to tell since, is told again.
const FORGET: Duration = Duration::from_secs(60);

/// The capacity that was told last.
#[derive(Debug, Default)]
pub(super) struct Told {
    last: Option<(Instant, u32)>,
    /// Since when there has been nothing to tell.
    calm: Option<Instant>,
}

impl Told {
    /// There is nothing to tell now.
    pub fn nothing(&mut self, now: Instant) {
        self.calm.get_or_insert(now);
    }

    /// Whether a capacity is to be told; if so, it counts as told.
    pub fn is_news(&mut self, now: Instant, to: u32) -> bool {
        let calm = self.calm.take().map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        if calm >= FORGET {
            self.last = None;
        }
        let is_news = self.last.is_none_or(|(at, told)| {
            let since = now.saturating_duration_since(at);
            let is_small = u64::from(to.abs_diff(told)) * 10 < u64::from(told);
            to != told && since >= if is_small { SMALL } else { LEAST }
        });
        if is_news {
            self.last = Some((now, to));
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_and_another_at_most_every_ten_seconds() {
        let begun = Instant::now();
        let mut told = Told::default();
        let mut times = Vec::new();
        for second in 0..60_u32 {
            let to = if second % 2 == 0 { 5 } else { 6 };
            if told.is_news(begun + Duration::from_secs(second.into()), to) {
                times.push(second);
            }
        }
        assert_eq!(times, [0, 11, 22, 33, 44, 55]);
    }

    #[test]
    fn a_small_change_waits_for_a_minute_and_what_comes_back_after_a_calm_is_told_again() {
        let begun = Instant::now();
        let at = |second| begun + Duration::from_secs(second);
        let mut told = Told::default();
        assert!(told.is_news(at(0), 100));
        assert!(!told.is_news(at(30), 105));
        assert!(told.is_news(at(60), 105));
        assert!(told.is_news(at(70), 120));
        told.nothing(at(71));
        assert!(!told.is_news(at(80), 120));
        told.nothing(at(81));
        told.nothing(at(130));
        assert!(told.is_news(at(141), 120));
    }
}
