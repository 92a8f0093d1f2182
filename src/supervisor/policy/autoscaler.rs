//! All policies of one pool under its bounds: the pure autoscaler.

use super::{
    Decision, Learned, Memory, Moment,
    awaited::Awaited,
    busy::Busy,
    changes::Changes,
    consensus::Heard,
    goal_age::GoalAge,
    limits::bounded,
    load::Load,
    opinion::{Bounds, Situation},
    policies::{Policy, recall, remember},
    quiet::Quiet,
    scheduled::Schedules,
    told::Told,
    warm_up::WarmUp,
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
    /// It would have gone there, but only observes. Told when it is news, and not every time.
    Would(Decision),
    /// Nothing changes, and a policy that only forecasts has something new to tell.
    Forecast(Decision),
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
    /// What the topology says to begin with.
    stated: Option<u32>,
    is_suspended: bool,
    load: Load,
    busy: Busy,
    warm_up: WarmUp,
    awaited: Awaited,
    schedules: Schedules,
    policies: Vec<Policy>,
    changes: Changes,
    source: Quiet,
    /// What was last told while it only observes, and of forecasts.
    would: Told,
    forecast: Told,
}

impl Autoscaler {
    pub fn new(scale: &Scale) -> Self {
        let max = scale.max.max(scale.min);
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
            desired: scale.desired.unwrap_or(scale.min).clamp(scale.min, max),
            stated: scale.desired,
            is_suspended: false,
            load: Load::default(),
            busy: Busy::default(),
            warm_up: WarmUp::new(scale.warm_up.0),
            awaited: Awaited::new(scale.warm_up.0),
            schedules,
            policies,
            changes: Changes::new(scale.cooldown.0),
            source: Quiet::new(SOURCE_PATIENCE),
            would: Told::default(),
            forecast: Told::default(),
        }
    }

    /// Learns from an observation, and says where the pool should go.
    pub fn decide(&mut self, now: Moment, seen: &Observation) -> Verdict {
        let measured = self.learn(now, seen);
        let scheduled = self.schedules.watch(now.wall);
        let bounds = self.limited(seen.limit);
        let room = self.changes.room(now.instant);
        let start = self.load.starts.expected();
        let at = Situation {
            now,
            seen,
            desired: self.desired,
            measured,
            busy: self.busy.of(measured),
            busy_now: self.busy.now(measured),
            is_growing: self.awaited.watch(now.instant, self.desired, measured, start),
            bounds,
            room,
            load: &self.load,
        };
        let voices = self.policies.iter_mut().map(|policy| (policy.name(), policy.voice(&at)));
        let Heard { decision, forecast } = Heard::of(self.desired, voices);
        let useful = self.source.watch(now.instant, bounds.max);
        if self.is_suspended {
            return Verdict::Hold;
        }
        let is_by_hand = scheduled.is_some();
        let to = bounded(scheduled.unwrap_or(decision), &at, &self.schedules, useful);
        match to {
            Some(decision) if is_by_hand || self.may_go(now.instant, decision.to.0, bounds) => {
                self.order(now.instant, decision, is_by_hand)
            }
            Some(_) => Verdict::Hold,
            None => {
                self.would.nothing(now.instant);
                self.foretell(now.instant, forecast)
            }
        }
    }

    /// Learns from an observation and decides nothing, as from the last one before a stop. Answers with how many of
    /// the workers ordered are in service and warm.
    pub fn learn(&mut self, now: Moment, seen: &Observation) -> u32 {
        let warm = self.warm_up.warm(now.instant, seen.in_service);
        let measured = warm.min(self.desired);
        self.load.learn(now.instant, self.desired, measured, seen);
        self.busy.learn(now.instant, warm, seen);
        measured
    }

    /// Between bounds a pool shrinks only when the latest changes leave room for it.
    fn may_go(&mut self, now: Instant, to: u32, bounds: Bounds) -> bool {
        let is_free_to_stay = to >= bounds.min && self.desired <= bounds.most;
        to > self.desired || !is_free_to_stay || self.changes.may_shrink(now)
    }

    /// The bounds in force: those of the topology, or what a schedule has put in their place.
    pub fn bounds(&self) -> (u32, u32) {
        self.schedules.bounds(self.min, self.max)
    }

    fn limited(&self, limit: Option<u32>) -> Bounds {
        let (min, most) = self.bounds();
        // A source of which nothing is useful yet may have a first record at any time.
        let max = limit.map_or(most, |limit| limit.max(1).clamp(min, most));
        Bounds { min, max, most }
    }

    fn order(&mut self, now: Instant, decision: Decision, is_by_hand: bool) -> Verdict {
        let to = decision.to.0;
        if self.mode == ScaleMode::Observe {
            let is_news = self.would.is_news(now, to);
            return if is_news { Verdict::Would(decision) } else { Verdict::Hold };
        }
        self.note(now, to, is_by_hand);
        Verdict::Scale(decision)
    }

    fn foretell(&mut self, now: Instant, forecast: Option<Decision>) -> Verdict {
        match forecast.filter(|forecast| forecast.to.0 != self.desired) {
            Some(forecast) if self.forecast.is_news(now, forecast.to.0) => Verdict::Forecast(forecast),
            Some(_) => Verdict::Hold,
            None => {
                self.forecast.nothing(now);
                Verdict::Hold
            }
        }
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
    /// [`OutOfBounds`] when it is not within the bounds in force.
    pub fn set_desired(&mut self, now: Moment, to: Capacity, because: &str) -> Result<Decision, OutOfBounds> {
        let (min, max) = self.bounds();
        if !(min..=max).contains(&to.0) {
            return Err(OutOfBounds { desired: to.0, min, max });
        }
        if to.0 != self.desired {
            self.note(now.instant, to.0, true);
        }
        Ok(Decision { to, because: because.to_owned(), by: Decision::HAND })
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
        memory.stated = self.stated;
        memory.suspended = self.is_suspended;
        memory.busy_workers = self.busy.remember();
        memory.changes = self.changes.remember(now.instant);
        self.load.remember(now.instant, &mut memory);
        remember(&self.policies, now.instant, &mut memory);
        memory
    }

    /// Takes up what was kept: rates, histories and a suspension always, the capacity only while it is recent or
    /// nobody else may change it. A memory of another form is ignored.
    pub fn recall(&mut self, now: Moment, memory: &Memory) {
        if memory.version != Memory::VERSION {
            return;
        }
        let age = memory.recent(now.wall);
        self.is_suspended = memory.suspended;
        if let Some(age) = age {
            self.changes.recall(now.instant, age, &memory.changes);
            self.busy.recall(memory.busy_workers);
        }
        // A schedule that came due meanwhile is made up for.
        self.schedules.begin(age.and(memory.written()).unwrap_or(now.wall));
        if age.is_some() || memory.suspended {
            let (min, max) = self.bounds();
            self.desired = memory.desired.clamp(min, max);
        }
        self.load.recall(now.instant, memory, age);
        recall(&mut self.policies, now.instant, memory, age);
    }

    /// Goes on under another scale, with the same workers and what was learned of them.
    pub fn redefine(&mut self, scale: &Scale, now: Moment) {
        let mut next = Self::new(scale);
        next.recall(now, &self.remember(now));
        next.load = std::mem::take(&mut self.load);
        next.busy = std::mem::take(&mut self.busy);
        next.warm_up.take_over(&mut self.warm_up);
        next.awaited.take_over(&self.awaited);
        *self = next;
    }
}
