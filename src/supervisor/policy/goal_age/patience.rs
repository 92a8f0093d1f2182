//! How long to wait before workers leave: as short as the load allows without going to and fro.
//!
//! Next to the pool, shadows of it are kept, each with another patience, which see the same wants and
//! are scaled by nothing else. The pool follows the cheapest of those that have not changed direction
//! too often in the last hour. So a load that comes back every minute is met by a pool that stayed, and
//! a load that has calmed down by one that leaves soon, without any resonance.

use super::{
    peaks::Peaks,
    shadow::{Shadow, ShadowMemory, Wanted},
};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Seconds for which steady wants, and for which any wants, keep the pool: one shadow each.
const PATIENCES: [(u64, u64); 12] = [
    (60, 3),
    (60, 20),
    (60, 60),
    (120, 3),
    (120, 20),
    (120, 120),
    (240, 3),
    (240, 20),
    (240, 240),
    (480, 20),
    (480, 480),
    (900, 900),
];
/// The longest of them.
const LONGEST: Duration = Duration::from_secs(900);

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
}

/// The patience of one pool.
#[derive(Debug)]
pub(super) struct Patience {
    steady: Peaks,
    all: Peaks,
    shadows: Vec<Shadow>,
    cooldown: Duration,
    has_begun: bool,
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
        }
    }

    /// Takes in what is wanted now; answers how far the pool may shrink.
    pub fn watch(&mut self, now: Instant, desired: u32, wanted: Wanted) -> Option<Floor> {
        if !std::mem::replace(&mut self.has_begun, true) {
            // What came before is not known, but for what was ordered for it.
            self.steady.push(now, desired, LONGEST);
            self.shadows.iter_mut().for_each(|shadow| shadow.begin(desired));
        }
        self.steady.push(now, wanted.steady, LONGEST);
        self.all.push(now, wanted.all, LONGEST);
        let (steady, all) = (&self.steady, &self.all);
        for shadow in &mut self.shadows {
            let target = steady.most(now, shadow.steady).max(all.most(now, shadow.all));
            shadow.follow(now, target, wanted, self.cooldown);
        }
        let calm = self.shadows.iter().filter(|shadow| shadow.is_calm(now));
        let cheapest = calm.min_by(|one, other| one.cost().total_cmp(&other.cost()));
        let followed = cheapest.or(self.shadows.last())?;
        Some(Floor { workers: followed.target(), since: followed.steady })
    }

    pub fn remember(&self, now: Instant) -> PatienceMemory {
        PatienceMemory {
            steady: self.steady.remember(now),
            all: self.all.remember(now),
            shadows: self.shadows.iter().map(|shadow| shadow.remember(now)).collect(),
        }
    }

    pub fn recall(&mut self, now: Instant, age: Duration, memory: &PatienceMemory) {
        if memory.shadows.len() != self.shadows.len() || memory.steady.is_empty() {
            return;
        }
        self.has_begun = true;
        self.steady.recall(now, age, &memory.steady, LONGEST);
        self.all.recall(now, age, &memory.all, LONGEST);
        for (shadow, known) in self.shadows.iter_mut().zip(&memory.shadows) {
            shadow.recall(now, age, known);
        }
    }
}
