//! How long to wait before workers leave: as short as the load allows without going to and fro.
//!
//! Next to the pool, shadows of it are kept, each with another patience, which see the same wants and
//! are scaled by nothing else. The pool follows the least patient one that has not changed direction
//! too often within an hour. So a load that comes back every minute is met by a pool that stayed, and
//! a load that has calmed down by one that leaves soon, without any resonance.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Seconds for which steady wants, and for which any wants, keep the pool; the least patient first.
const RUNGS: [(u64, u64); 6] = [(60, 6), (60, 60), (120, 120), (240, 240), (480, 480), (900, 900)];
/// Changes of direction within an hour that a rung may show.
const MOST_REVERSALS: usize = 4;
const HOUR: Duration = Duration::from_secs(3600);
/// Smaller shares are not worth a scale-in.
pub(super) const LEAST_IN: f64 = 0.10;

/// What was wanted at one time, in whole workers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// For what steadily arrives.
    pub steady: u32,
    /// For that and for what waits.
    pub all: u32,
}

#[derive(Debug)]
struct Shadow {
    steady: Duration,
    all: Duration,
    desired: u32,
    grew_last: Option<bool>,
    changed_at: Option<Instant>,
    reversals: VecDeque<Instant>,
}

impl Shadow {
    fn target(&self, now: Instant, wants: &VecDeque<(Instant, Wanted)>) -> u32 {
        let mut target = 0;
        for (at, wanted) in wants.iter().rev() {
            let age = now.saturating_duration_since(*at);
            if age > self.steady.max(self.all) {
                break;
            }
            if age <= self.all {
                target = target.max(wanted.all);
            }
            if age <= self.steady {
                target = target.max(wanted.steady);
            }
        }
        target
    }

    fn follow(&mut self, now: Instant, target: u32, all: u32, cooldown: Duration) {
        let cooled = self.changed_at.is_none_or(|at| now.saturating_duration_since(at) >= cooldown);
        let grows = all > self.desired;
        let shrinks = cooled && f64::from(target) <= f64::from(self.desired) * (1.0 - LEAST_IN);
        if !grows && (!shrinks || target == self.desired) {
            return;
        }
        self.desired = if grows { all } else { target };
        self.changed_at = Some(now);
        if self.grew_last.replace(grows).is_some_and(|before| before != grows) {
            self.reversals.push_back(now);
        }
    }

    fn is_calm(&mut self, now: Instant) -> bool {
        while self.reversals.front().is_some_and(|at| now.saturating_duration_since(*at) > HOUR) {
            self.reversals.pop_front();
        }
        while self.reversals.len() > 2 * MOST_REVERSALS {
            self.reversals.pop_front();
        }
        self.reversals.len() <= MOST_REVERSALS
    }
}

/// What a pool may shrink to, and why no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Floor {
    pub workers: u32,
    /// How long that has been enough.
    pub since: Duration,
}

/// The patience of one pool.
#[derive(Debug)]
pub(super) struct Patience {
    wants: VecDeque<(Instant, Wanted)>,
    shadows: Vec<Shadow>,
    since: Option<Instant>,
    cooldown: Duration,
}

impl Patience {
    pub fn new(cooldown: Duration) -> Self {
        let shadow = |(steady, all)| Shadow {
            steady: Duration::from_secs(steady),
            all: Duration::from_secs(all),
            desired: 0,
            grew_last: None,
            changed_at: None,
            reversals: VecDeque::new(),
        };
        Self { wants: VecDeque::new(), shadows: RUNGS.map(shadow).into(), since: None, cooldown }
    }

    /// Takes in what is wanted now; answers how far the pool may shrink, once that is known.
    pub fn watch(&mut self, now: Instant, desired: u32, wanted: Wanted) -> Option<Floor> {
        let since = *self.since.get_or_insert_with(|| {
            self.shadows.iter_mut().for_each(|shadow| shadow.desired = desired);
            now
        });
        self.wants.push_back((now, wanted));
        let longest =
            self.shadows.iter().map(|shadow| shadow.steady.max(shadow.all)).max().unwrap_or_default();
        while self.wants.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > longest) {
            self.wants.pop_front();
        }
        let mut floor = None;
        for shadow in &mut self.shadows {
            let target = shadow.target(now, &self.wants);
            shadow.follow(now, target, wanted.all, self.cooldown);
            if shadow.is_calm(now) && floor.is_none() {
                floor = Some(Floor { workers: target, since: shadow.steady });
            }
        }
        let last = self
            .shadows
            .last()
            .map(|shadow| Floor { workers: shadow.target(now, &self.wants), since: shadow.steady });
        let floor = floor.or(last)?;
        // What came before the first want is not known.
        (now.saturating_duration_since(since) + Duration::from_secs(2) >= floor.since).then_some(floor)
    }
}
