//! All policies of one pool under its bounds: the pure autoscaler.

use super::{
    Decision, Learned, Memory, Moment,
    changes::Changes,
    goal_age::GoalAge,
    load::Load,
    opinion::{Bounds, Opinion, Situation},
    policies::Policy,
    quiet::Quiet,
    scheduled::Schedules,
    warm_up::WarmUp,
    words::grouped,
};
use crate::pipeline::{Capacity, Observation, Scale, ScaleMode};
use std::time::{Duration, Instant};

/// A source that can use fewer workers than there are must say so for this long.
const SOURCE_PATIENCE: Duration = Duration::from_secs(60);

/// What an autoscaler makes of an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing changes.
    Hold,
    /// The pool goes to this capacity, which is `desired` from now on.
    Scale(Decision),
    /// It would have gone there, but only observes. Told once, until it would go elsewhere.
    Would(Decision),
}

/// A capacity that was asked for by hand and is not within the bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("desired {desired} is not within {min} to {max}; choose one within, or change the pool's scale")]
pub struct OutOfBounds {
    pub desired: u32,
    pub min: u32,
    pub max: u32,
}

/// Decides how many workers a pool has. One call of `decide` for each observation, about once a second.
#[derive(Debug)]
pub struct Autoscaler {
    min: u32,
    max: u32,
    mode: ScaleMode,
    desired: u32,
    is_suspended: bool,
    load: Load,
    warm_up: WarmUp,
    schedules: Schedules,
    policies: Vec<Policy>,
    changes: Changes,
    source: Quiet,
    /// What was last told while it only observes.
    told: Option<u32>,
}

impl Autoscaler {
    pub fn new(scale: &Scale) -> Self {
        let max = scale.max.max(scale.min);
        let desired = scale.desired.unwrap_or(scale.min).clamp(scale.min, max);
        let mut schedules = Schedules::default();
        scale
            .policies
            .iter()
            .filter_map(|policy| policy.scheduled.as_ref())
            .for_each(|one| schedules.add(one));
        let mut policies: Vec<Policy> =
            scale.policies.iter().filter_map(|policy| Policy::of(policy, scale)).collect();
        if scale.policies.is_empty() {
            policies.push(Policy::GoalAge(Box::new(GoalAge::new(scale.goal_age.0, scale.cooldown.0))));
        }
        Self {
            min: scale.min,
            max,
            mode: scale.mode,
            desired,
            is_suspended: false,
            load: Load::default(),
            warm_up: WarmUp::new(scale.warm_up.0),
            schedules,
            policies,
            changes: Changes::new(scale.cooldown.0),
            source: Quiet::new(SOURCE_PATIENCE),
            told: None,
        }
    }

    /// Learns from an observation, and says where the pool should go.
    pub fn decide(&mut self, now: Moment, seen: &Observation) -> Verdict {
        let measured = self.warm_up.warm(now.instant, seen.in_service).min(self.desired);
        self.load.learn(now.instant, self.desired, measured, seen);
        let scheduled = self.schedules.watch(now.wall);
        let bounds = self.bounds(seen.limit);
        let room = self.changes.room(now.instant);
        let at = Situation { now, seen, desired: self.desired, measured, bounds, room, load: &self.load };
        let opinions = self.policies.iter_mut().filter_map(|policy| policy.opinion(&at));
        // Out when any says so, in only when all do.
        let opinion = opinions.max_by_key(|opinion| opinion.to);
        let source = self.source.watch(now.instant, bounds.max);
        if self.is_suspended {
            return Verdict::Hold;
        }
        let is_by_hand = scheduled.is_some();
        let opinion = scheduled.or(opinion).or_else(|| Opinion::stay(self.desired));
        let to = opinion.and_then(|opinion| self.within(opinion, bounds, source, seen));
        match to {
            Some(Opinion { to, .. })
                if to < self.desired
                    && !is_by_hand
                    && to >= bounds.min
                    && self.desired <= bounds.most
                    && !self.changes.may_shrink(now.instant) =>
            {
                Verdict::Hold
            }
            Some(opinion) => self.order(now.instant, opinion, is_by_hand),
            None => {
                self.told = None;
                Verdict::Hold
            }
        }
    }

    fn bounds(&self, limit: Option<u32>) -> Bounds {
        let (min, most) = self.schedules.bounds(self.min, self.max);
        // A source of which nothing is useful yet may have a first record at any time.
        let max = limit.map_or(most, |limit| limit.max(1).clamp(min, most));
        Bounds { min, max, most }
    }

    /// The opinion under the bounds, if it still leads anywhere.
    fn within(
        &self,
        opinion: Opinion,
        bounds: Bounds,
        source: Option<u32>,
        seen: &Observation,
    ) -> Option<Opinion> {
        let waits = seen.backlog > 0 || seen.in_flight > 0;
        let Opinion { to: wanted, mut because } = opinion;
        let mut to = wanted.clamp(bounds.min, bounds.most);
        if to < bounds.max.min(1) && waits {
            (to, because) = (1, format!("{} waiting and no worker", grouped(seen.backlog)));
        }
        if to > self.desired && to > bounds.max {
            to = bounds.max.max(self.desired);
            because = format!("{because}; the source can use {}", bounds.max);
        } else if let Some(useful) = source.filter(|useful| *useful < to && to <= self.desired) {
            (to, because) = (useful, format!("the source can use no more than {useful}"));
        }
        if wanted > bounds.most {
            because = if to < self.desired || because.is_empty() {
                format!("the maximum is {}", bounds.most)
            } else {
                format!("{because}; the maximum is {}", bounds.most)
            };
        } else if wanted < bounds.min && to > self.desired {
            because = format!("the minimum is {}", bounds.min);
        }
        (to != self.desired).then_some(Opinion { to, because })
    }

    fn order(&mut self, now: Instant, opinion: Opinion, is_by_hand: bool) -> Verdict {
        let Opinion { to, because } = opinion;
        let decision = Decision { to: Capacity(to), because };
        if self.mode == ScaleMode::Observe {
            let is_news = self.told.replace(to) != Some(to);
            return if is_news { Verdict::Would(decision) } else { Verdict::Hold };
        }
        self.note(now, to, is_by_hand);
        Verdict::Scale(decision)
    }

    fn note(&mut self, now: Instant, to: u32, is_by_hand: bool) {
        if is_by_hand {
            self.changes.note_by_hand(now, self.desired, to);
        } else {
            self.changes.note(now, self.desired, to);
        }
        self.desired = to;
    }

    /// What is ordered now.
    pub fn desired(&self) -> Capacity {
        Capacity(self.desired)
    }

    /// Orders a capacity by hand; policies may add to it at once, and take from it after a minute.
    ///
    /// # Errors
    /// [`OutOfBounds`] when it is not within `min` and `max`.
    pub fn set_desired(&mut self, now: Moment, to: Capacity, because: &str) -> Result<Decision, OutOfBounds> {
        let Bounds { min, most, .. } = self.bounds(None);
        if !(min..=most).contains(&to.0) {
            return Err(OutOfBounds { desired: to.0, min, max: most });
        }
        if to.0 != self.desired {
            self.note(now.instant, to.0, true);
        }
        Ok(Decision { to, because: because.to_owned() })
    }

    /// Decides nothing until resumed; goes on learning.
    pub fn suspend(&mut self) {
        self.is_suspended = true;
    }

    /// Decides again, from what was learned meanwhile.
    pub fn resume(&mut self, _now: Moment) {
        self.is_suspended = false;
    }

    pub fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// What has been learned, to be shown.
    pub fn learned(&self) -> Learned {
        let mut learned = self.load.learned();
        self.policies.iter().for_each(|policy| policy.show(&mut learned));
        learned
    }

    /// What is to be kept across a restart.
    pub fn remember(&self, now: Moment) -> Memory {
        let mut memory = Memory::of(now.wall, self.desired);
        memory.changes = self.changes.remember(now.instant);
        self.load.remember(now.instant, &mut memory);
        self.policies.iter().for_each(|policy| policy.remember(now.instant, &mut memory));
        memory
    }

    /// Takes up what was kept: rates and histories always, the capacity only while it is recent. A
    /// memory of another form is ignored.
    pub fn recall(&mut self, now: Moment, memory: &Memory) {
        if memory.version != Memory::VERSION {
            return;
        }
        let age = memory.recent(now.wall);
        if let Some(age) = age {
            self.desired = memory.desired.clamp(self.min, self.max);
            self.changes.recall(now.instant, age, &memory.changes);
        }
        self.load.recall(now.instant, memory, age);
        let mut patience = memory.patience.iter();
        for policy in &mut self.policies {
            policy.recall(now.instant, memory, age, &mut patience);
        }
    }
}
