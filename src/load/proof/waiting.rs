//! When places are looked at, and when that is enough; pure.

use std::time::{Duration, Instant};

/// The first look while records are on their way, and the least time between two then.
const BUSY: Duration = Duration::from_secs(10);
/// The least time between two looks while nothing is.
const QUIET: Duration = Duration::from_secs(1);
/// A look takes at most this share of the time: one part of so many.
const SHARE: u32 = 4;
/// What was not found in so many looks with nothing on its way, over so long, is not there.
const ENOUGH_LOOKS: u32 = 3;
const ENOUGH: Duration = Duration::from_secs(5);

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Wait,
    Look,
    /// What is missing now is missing.
    LookLast,
}

/// How long nothing has been on its way, and when places were looked at.
#[derive(Debug)]
pub struct Waiting {
    deadline: Instant,
    quiet_since: Option<Instant>,
    quiet_looks: u32,
    last_look: Instant,
    took: Duration,
}

impl Waiting {
    pub fn since(now: Instant, deadline: Instant) -> Self {
        Self { deadline, quiet_since: None, quiet_looks: 0, last_look: now, took: Duration::ZERO }
    }

    /// Decides by whether anything is on its way.
    pub fn step(&mut self, is_quiet: bool, now: Instant) -> Step {
        if now >= self.deadline {
            return Step::LookLast;
        }
        if !is_quiet {
            (self.quiet_since, self.quiet_looks) = (None, 0);
            return if self.is_due(BUSY, now) { Step::Look } else { Step::Wait };
        }
        let since = *self.quiet_since.get_or_insert(now);
        if self.quiet_looks > 0 && !self.is_due(QUIET, now) {
            return Step::Wait;
        }
        self.quiet_looks += 1;
        let is_enough = self.quiet_looks >= ENOUGH_LOOKS && now.saturating_duration_since(since) >= ENOUGH;
        if is_enough { Step::LookLast } else { Step::Look }
    }

    fn is_due(&self, least: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.last_look) >= least.max(self.took * SHARE)
    }

    /// Notes a look that has not shown everything.
    pub fn looked(&mut self, begun: Instant, now: Instant) {
        (self.took, self.last_look) = (now.saturating_duration_since(begun), now);
    }

    /// Since when nothing was on its way.
    pub fn quiet_since(&self) -> Option<Instant> {
        self.quiet_since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_first_look_comes_as_soon_as_nothing_is_on_its_way() {
        let begun = Instant::now();
        let mut waiting = Waiting::since(begun, begun + seconds(60.0));
        assert_eq!(waiting.step(false, begun), Step::Wait);
        assert_eq!(waiting.step(false, begun + seconds(9.9)), Step::Wait);
        assert_eq!(waiting.step(true, begun + seconds(9.9)), Step::Look);
        assert_eq!(waiting.quiet_since(), Some(begun + seconds(9.9)));
    }

    #[test]
    fn what_was_not_found_for_long_is_not_there_and_no_look_is_the_last_before() {
        let begun = Instant::now();
        let mut waiting = Waiting::since(begun, begun + seconds(60.0));
        let mut looks = Vec::new();
        for tenths in 0..70 {
            let now = begun + seconds(f64::from(tenths) / 10.0);
            let step = waiting.step(true, now);
            if step != Step::Wait {
                waiting.looked(now, now);
                looks.push((tenths, step));
            }
            if step == Step::LookLast {
                break;
            }
        }
        let (last, before) = looks.split_last().unwrap();
        assert_eq!(*last, (50, Step::LookLast));
        assert!(before.len() >= 2 && before.iter().all(|(_, step)| *step == Step::Look), "{looks:?}");
    }

    #[test]
    fn a_long_look_is_not_repeated_at_once_and_the_deadline_ends_all() {
        let begun = Instant::now();
        let mut waiting = Waiting::since(begun, begun + seconds(60.0));
        assert_eq!(waiting.step(false, begun + seconds(10.0)), Step::Look);
        waiting.looked(begun + seconds(10.0), begun + seconds(15.0));
        assert_eq!(waiting.step(false, begun + seconds(34.0)), Step::Wait);
        assert_eq!(waiting.step(false, begun + seconds(35.0)), Step::Look);
        assert_eq!(waiting.step(false, begun + seconds(60.0)), Step::LookLast);
        assert_eq!(waiting.quiet_since(), None);
    }
}
