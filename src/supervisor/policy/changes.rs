//! The latest changes of a pool, and whether they leave room for a scale-in.

use super::words::milliseconds;
use serde::{Deserialize, Serialize};
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

/// What is kept of them across a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangesMemory {
    /// When the last one was, milliseconds ago, and whether it added workers.
    pub last: Option<u64>,
    pub grew: Option<bool>,
    /// The latest changes of direction, milliseconds ago.
    pub reversals: Vec<u64>,
    /// When the last one by hand or by a schedule was, milliseconds ago.
    pub by_hand: Option<u64>,
}

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

    pub fn remember(&self, now: Instant) -> ChangesMemory {
        ChangesMemory {
            last: self.last.map(|at| milliseconds(now, at)),
            grew: self.grew,
            reversals: self.reversals.iter().map(|at| milliseconds(now, *at)).collect(),
            by_hand: self.by_hand.filter(|_| within(now, self.by_hand, HAND)).map(|at| milliseconds(now, at)),
        }
    }

    /// Takes up what was kept `age` ago.
    pub fn recall(&mut self, now: Instant, age: Duration, memory: &ChangesMemory) {
        let at = |ago: &u64| now.checked_sub(Duration::from_millis(*ago).saturating_add(age));
        self.last = memory.last.as_ref().and_then(at);
        self.grew = memory.grew;
        self.reversals = memory.reversals.iter().take(2 * MOST_REVERSALS).filter_map(at).collect();
        self.by_hand = memory.by_hand.as_ref().and_then(at);
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

    /// Changes of direction that an hour still has room for.
    pub fn room(&mut self, now: Instant) -> usize {
        while self.reversals.front().is_some_and(|at| now.saturating_duration_since(*at) > HOUR) {
            self.reversals.pop_front();
        }
        (MOST_REVERSALS + 2).saturating_sub(self.reversals.len())
    }

    /// Policies may take workers away now.
    pub fn may_shrink(&mut self, now: Instant) -> bool {
        let turns = self.grew != Some(false);
        !within(now, self.last, self.cooldown)
            && !within(now, self.by_hand, HAND)
            && (!turns || self.room(now) >= 2)
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
