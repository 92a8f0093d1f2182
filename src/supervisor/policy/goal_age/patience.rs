//! How long to wait before workers leave: as short as the load allows without going to and fro.
//!
//! Next to the pool, shadows of it are kept, each with another patience, which see the same wants and
//! are scaled by nothing else. The pool follows the cheapest of those that have not changed direction
//! too often in the last hour. So a load that comes back every minute is met by a pool that stayed, and
//! a load that has calmed down by one that leaves soon, without any resonance.

use super::{
    peaks::Peaks,
    shadow::{Shadow, ShadowMemory, Wanted},
    worth::worth,
};
use crate::supervisor::policy::words::milliseconds;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Seconds for which steady wants, and for which any wants, keep the pool: one shadow each. Workers for a backlog
/// stay for ten seconds at least: until then nobody can tell a burst that goes on from one that is over.
const PATIENCES: [(u64, u64); 12] = [
    (60, 10),
    (60, 20),
    (60, 60),
    (120, 10),
    (120, 20),
    (120, 120),
    (240, 10),
    (240, 20),
    (240, 240),
    (480, 20),
    (480, 480),
    (900, 900),
];
/// The longest of them.
pub(super) const LONGEST: Duration = Duration::from_secs(900);

/// What a pool may shrink to, and why no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Floor {
    pub workers: u32,
    /// How long that has been enough.
    pub since: Duration,
}

/// What is kept of a patience across a restart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PatienceMemory {
    /// Steady wants by how long they are past, milliseconds: falling peaks only.
    pub steady: Vec<(u64, u32)>,
    /// Any wants, the same way.
    pub all: Vec<(u64, u32)>,
    pub shadows: Vec<ShadowMemory>,
    /// What the pool had, and whether its last change added workers.
    pub desired: u32,
    pub grew_last: Option<bool>,
    /// When that was, milliseconds ago.
    pub changed: Option<u64>,
    /// Steady and exact wants of the last seconds, by how long they are past.
    pub lately: Vec<(u64, u32, f64)>,
}

/// The patience of one pool.
#[derive(Debug)]
pub(super) struct Patience {
    steady: Peaks,
    all: Peaks,
    shadows: Vec<Shadow>,
    cooldown: Duration,
    has_begun: bool,
    /// What the pool had last, and whether its last change added workers.
    desired: u32,
    grew_last: Option<bool>,
    changed_at: Option<Instant>,
}

impl Patience {
    pub fn new(cooldown: Duration) -> Self {
        let shadow = |(steady, all)| Shadow::new(Duration::from_secs(steady), Duration::from_secs(all));
        Self {
            steady: Peaks::default(),
            all: Peaks::default(),
            shadows: PATIENCES.map(shadow).into(),
            cooldown,
            has_begun: false,
            desired: 0,
            grew_last: None,
            changed_at: None,
        }
    }

    /// Takes in what is wanted now; answers how far the pool may shrink. The rate is known to have been what it is
    /// for `since`, and `room` is how many changes of direction the hour has left.
    pub fn watch(
        &mut self,
        now: Instant,
        since: Duration,
        desired: u32,
        room: usize,
        wanted: Wanted,
    ) -> Option<Floor> {
        if !std::mem::replace(&mut self.has_begun, true) {
            // What came before is not known, but for what was ordered for it.
            self.steady.push(now, desired, LONGEST);
            self.shadows.iter_mut().for_each(|shadow| shadow.begin(desired));
            self.desired = desired;
        }
        self.steady.lower(now.checked_sub(since).unwrap_or(now), wanted.keep);
        self.steady.push(now, wanted.keep, LONGEST);
        self.all.push(now, wanted.hold, LONGEST);
        if desired != self.desired {
            self.grew_last = Some(desired > self.desired);
            self.changed_at = Some(now);
            self.desired = desired;
        }
        let (steady, all) = (&self.steady, &self.all);
        for shadow in &mut self.shadows {
            let any = all.most(now, shadow.all);
            shadow.follow(now, |within| steady.most(now, within).max(any), wanted, self.cooldown);
        }
        let calm = self.shadows.iter().filter(|shadow| shadow.is_calm(now));
        let cheapest = calm.min_by(|one, other| one.cost().total_cmp(&other.cost()));
        let followed = cheapest.or(self.shadows.last())?;
        let any = all.most(now, followed.all);
        let kept = |within| steady.most(now, within).max(any);
        let unchanged = self.changed_at.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
        let turns = (self.grew_last != Some(false)).then_some(room);
        let workers = worth(followed.steady, desired, turns, unchanged, kept)?;
        Some(Floor { workers, since: followed.steady })
    }

    pub fn remember(&self, now: Instant) -> PatienceMemory {
        PatienceMemory {
            steady: self.steady.remember(now),
            all: self.all.remember(now),
            shadows: self.shadows.iter().map(|shadow| shadow.remember(now)).collect(),
            desired: self.desired,
            grew_last: self.grew_last,
            changed: self.changed_at.map(|at| milliseconds(now, at)),
            lately: Vec::new(),
        }
    }

    pub fn recall(&mut self, now: Instant, age: Duration, memory: &PatienceMemory) {
        if memory.shadows.len() != self.shadows.len() || memory.steady.is_empty() {
            return;
        }
        self.has_begun = true;
        (self.desired, self.grew_last) = (memory.desired, memory.grew_last);
        let at = |ago: &u64| now.checked_sub(Duration::from_millis(*ago).saturating_add(age));
        self.changed_at = memory.changed.as_ref().and_then(at);
        self.steady.recall(now, age, &memory.steady, LONGEST);
        self.all.recall(now, age, &memory.all, LONGEST);
        for (shadow, known) in self.shadows.iter_mut().zip(&memory.shadows) {
            shadow.recall(now, age, known);
        }
    }
}
