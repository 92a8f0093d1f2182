//! The latest changes of a pool, and whether they leave room for a scale-in.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Changes of direction within an hour after which the pool stays as large as it is. Each scale-in
/// may call for one more scale-out, so that no hour sees more than two above this.
const MOST_REVERSALS: usize = 18;
const HOUR: Duration = Duration::from_secs(3600);
/// A capacity ordered by hand or by a schedule stays for so long before policies take from it.
const HAND: Duration = Duration::from_secs(60);

/// Changes of one pool.
#[derive(Debug)]
pub(super) struct Changes {
    cooldown: Duration,
    last: Option<Instant>,
    grew: Option<bool>,
    reversals: VecDeque<Instant>,
    by_hand: Option<Instant>,
}

fn within(now: Instant, at: Option<Instant>, length: Duration) -> bool {
    at.is_some_and(|at| now.saturating_duration_since(at) < length)
}

impl Changes {
    pub fn new(cooldown: Duration) -> Self {
        Self { cooldown, last: None, grew: None, reversals: VecDeque::new(), by_hand: None }
    }

    /// A change has been ordered.
    pub fn note(&mut self, now: Instant, from: u32, to: u32) {
        let grows = to > from;
        if self.grew.replace(grows).is_some_and(|before| before != grows) {
            self.reversals.push_back(now);
            while self.reversals.len() > 2 * MOST_REVERSALS {
                self.reversals.pop_front();
            }
        }
        self.last = Some(now);
    }

    /// It was ordered by hand or by a schedule.
    pub fn note_by_hand(&mut self, now: Instant, from: u32, to: u32) {
        self.note(now, from, to);
        self.by_hand = Some(now);
    }

    /// Policies may take workers away now.
    pub fn may_shrink(&mut self, now: Instant) -> bool {
        while self.reversals.front().is_some_and(|at| now.saturating_duration_since(*at) > HOUR) {
            self.reversals.pop_front();
        }
        let turns = self.grew != Some(false);
        !within(now, self.last, self.cooldown)
            && !within(now, self.by_hand, HAND)
            && (!turns || self.reversals.len() <= MOST_REVERSALS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_sees_at_most_twenty_changes_of_direction() {
        let begun = Instant::now();
        let mut changes = Changes::new(Duration::from_secs(10));
        let mut workers = 1;
        let mut turns: Vec<u64> = Vec::new();
        for second in (0..20_000).step_by(15) {
            let now = begun + Duration::from_secs(second);
            let to = if workers == 1 { 9 } else { 1 };
            if to > workers || changes.may_shrink(now) {
                changes.note(now, workers, to);
                workers = to;
                turns.push(second);
            }
        }
        for start in &turns {
            let within = turns.iter().filter(|turn| (*start..start + 3600).contains(*turn)).count();
            assert!(within <= 21, "{within} changes from second {start}");
        }
    }
}
