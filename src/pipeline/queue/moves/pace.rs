//! How fast a task moves: never more in any second than it may, in even steps.

use std::collections::VecDeque;

/// Messages moved in one batch; few, because each may be large.
const MOST_AT_ONCE: u32 = 10;
const SECOND_MS: i64 = 1_000;

/// What a task may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Move up to so many messages.
    Now(u32),
    /// Nothing before this time.
    At(i64),
}

/// Times in milliseconds of any clock that does not go back.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: Option<u32>,
    /// What was moved within the last second, and when.
    moved: VecDeque<(i64, u32)>,
    /// The earliest time of the next step.
    next_ms: i64,
}

impl Pace {
    pub fn new(per_second: Option<u32>) -> Self {
        Self { per_second: per_second.map(|rate| rate.max(1)), moved: VecDeque::new(), next_ms: i64::MIN }
    }

    pub fn turn(&mut self, now_ms: i64) -> Turn {
        let Some(rate) = self.per_second else { return Turn::Now(MOST_AT_ONCE) };
        while self.moved.front().is_some_and(|(at_ms, _)| at_ms.saturating_add(SECOND_MS) <= now_ms) {
            self.moved.pop_front();
        }
        if now_ms < self.next_ms {
            return Turn::At(self.next_ms);
        }
        let left = rate.saturating_sub(self.moved.iter().map(|(_, count)| count).sum());
        match self.moved.front() {
            Some((at_ms, _)) if left == 0 => Turn::At(at_ms.saturating_add(SECOND_MS)),
            _ => Turn::Now(left.min(rate / MOST_AT_ONCE).clamp(1, MOST_AT_ONCE)),
        }
    }

    pub fn moved(&mut self, count: u32, now_ms: i64) {
        let Some(rate) = self.per_second.filter(|_| count > 0) else { return };
        self.moved.push_back((now_ms, count));
        self.next_ms = now_ms.saturating_add(SECOND_MS * i64::from(count) / i64::from(rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each message moves of so many, by a clock that is read every `every_ms`.
    fn moves(rate: Option<u32>, count: usize, every_ms: i64) -> Vec<i64> {
        let (mut pace, mut times, mut now_ms) = (Pace::new(rate), Vec::new(), 0);
        while times.len() < count {
            match pace.turn(now_ms) {
                Turn::Now(most) => {
                    pace.moved(most, now_ms);
                    times.extend((0..most).map(|_| now_ms));
                }
                Turn::At(at_ms) => {
                    assert!(at_ms > now_ms);
                    now_ms = ((at_ms + every_ms - 1) / every_ms) * every_ms;
                }
            }
        }
        times
    }

    #[test]
    fn no_second_has_more_messages_than_it_may() {
        for rate in 1..=500 {
            for every_ms in [1, 7, 100] {
                let times = moves(Some(rate), rate as usize * 4, every_ms);
                let most = (0..times.len())
                    .map(|from| times[from..].iter().take_while(|at| **at < times[from] + SECOND_MS).count());
                let most = most.max().unwrap();
                assert!(most <= rate as usize, "{rate} a second: {most}");
                if every_ms == 1 {
                    let took_ms = times[times.len() - 1];
                    assert!(took_ms <= 4_000, "{rate} a second: 4 s take {took_ms} ms");
                }
            }
        }
    }

    #[test]
    fn one_a_second_moves_the_first_at_once() {
        assert_eq!(moves(Some(1), 4, 1), [0, 1_000, 2_000, 3_000]);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        assert_eq!(moves(None, 100_000, 1).last(), Some(&0));
    }
}
