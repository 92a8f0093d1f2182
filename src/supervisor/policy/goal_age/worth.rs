//! Whether a scale-in is worth it.
//!
//! An hour has room for few changes of direction, so each must save something: a great surplus is sent home after
//! the patience of the pool; a small one waits eight times as long since the last change, and longer the less room
//! the hour has left. The last changes are kept for the greatest surpluses, so that a pool need not stay large for
//! the rest of an hour.

use super::patience::LONGEST;
use std::time::Duration;

/// Changes of direction in an hour.
pub(super) const MOST_TURNS: usize = 20;
/// Smaller shares of the workers are not worth a change at all.
const LEAST: f64 = 0.10;
/// A surplus of this share leaves at once: what is called a fall of the load.
const GREAT: f64 = 0.30;
/// The same when changes are scarce: once out and in again.
const GREATEST: f64 = 0.50;
const SCARCE: usize = 3;
/// A smaller one waits so many times longer when the hour has all its changes left.
const LATER: f64 = 8.0;

/// What a pool of so many workers may shrink to. `turns`, where that would change its direction, is how many
/// changes the hour has left; nothing has been changed for the time `unchanged`; `kept` is the most that was wanted
/// within a time.
pub(super) fn worth(
    patience: Duration,
    desired: u32,
    turns: Option<usize>,
    unchanged: Duration,
    kept: impl Fn(Duration) -> u32,
) -> Option<u32> {
    let saves = |to: &u32, share: f64| *to < desired && f64::from(*to) <= f64::from(desired) * (1.0 - share);
    let at_once = kept(patience);
    let least = match turns {
        None => LEAST,
        Some(room) if room < SCARCE => GREATEST,
        Some(_) => GREAT,
    };
    if saves(&at_once, least) {
        return Some(at_once);
    }
    let scarcity = MOST_TURNS as f64 / turns?.max(1) as f64;
    let later = patience.mul_f64(LATER * scarcity).min(LONGEST);
    if unchanged < later {
        return None;
    }
    Some(kept(later)).filter(|to| saves(to, LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Ten workers were wanted until `ago`, and since then `now`.
    fn fell(now: u32, ago: Duration) -> impl Fn(Duration) -> u32 {
        move |within| if within >= ago { 10 } else { now }
    }

    #[test]
    fn a_great_surplus_leaves_after_its_patience_and_a_small_one_later() {
        let after = |now, seconds, turns| {
            worth(MINUTE, 10, turns, Duration::MAX, fell(now, Duration::from_secs(seconds)))
        };
        assert_eq!(after(7, 59, Some(20)), None);
        assert_eq!(after(7, 61, Some(20)), Some(7));
        assert_eq!(after(8, 479, Some(20)), None, "small");
        assert_eq!(after(8, 481, Some(20)), Some(8));
        assert_eq!(after(9, 481, Some(20)), Some(9));
        assert_eq!(after(8, 61, None), Some(8), "no change of direction");
        assert_eq!(after(10, 901, Some(20)), None);
    }

    #[test]
    fn the_fewer_changes_are_left_the_more_each_must_save() {
        let after = |now, seconds, room| {
            worth(MINUTE, 10, Some(room), Duration::MAX, fell(now, Duration::from_secs(seconds)))
        };
        assert_eq!(after(8, 899, 10), None);
        assert_eq!(after(8, 901, 10), Some(8));
        assert_eq!(after(6, 61, 2), None, "the last ones are kept for more");
        assert_eq!(after(5, 61, 2), Some(5));
        assert_eq!(after(6, 901, 2), Some(6), "but not for ever");
        assert_eq!(worth(MINUTE, 0, Some(0), Duration::MAX, fell(0, MINUTE)), None);
    }

    #[test]
    fn a_small_surplus_waits_since_the_last_change_a_great_one_does_not() {
        let after = |now, unchanged| {
            worth(MINUTE, 10, Some(20), Duration::from_secs(unchanged), fell(now, Duration::from_secs(901)))
        };
        assert_eq!((after(8, 479), after(8, 480)), (None, Some(8)));
        assert_eq!(after(5, 12), Some(5));
    }
}
