//! The kinds of policy a pool can have. A new one is a file, a variant and an arm here.

use super::{
    Learned, Memory,
    goal_age::GoalAge,
    opinion::{Situation, Voice},
    predictive::Predictive,
    quiet::QuietMemory,
    step::StepScaling,
    target_tracking::TargetTracking,
    utilisation::Utilisation,
};
use crate::pipeline::{Scale, ScalePolicy};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) enum Policy {
    GoalAge(Box<GoalAge>),
    TargetTracking(TargetTracking),
    Step(StepScaling),
    Predictive(Box<Predictive>),
    Utilisation(Utilisation),
}

/// What is kept of one policy across a restart, besides what has a place of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyMemory {
    /// Its name in the topology.
    pub name: String,
    /// What it wanted of late.
    pub low: Option<QuietMemory>,
    /// For how long its metric has been past the threshold, milliseconds, and whether above it.
    pub past: Option<(u64, bool)>,
}

impl Policy {
    /// The policy of one entry in a topology; a schedule is none, for it sets bounds instead.
    pub fn of(entry: &ScalePolicy, scale: &Scale) -> Option<Self> {
        let goal_age =
            |goal: &crate::units::Span| Self::GoalAge(Box::new(GoalAge::new(goal.0, scale.cooldown.0)));
        let predictive = |policy| Self::Predictive(Box::new(Predictive::new(policy)));
        let ScalePolicy {
            goal_age: goal,
            target_tracking,
            step,
            scheduled: _,
            predictive: forecast,
            utilisation,
        } = entry;
        (goal.as_ref().map(goal_age))
            .or_else(|| {
                target_tracking.as_ref().map(|policy| Self::TargetTracking(TargetTracking::new(policy)))
            })
            .or_else(|| step.as_ref().map(|policy| Self::Step(StepScaling::new(policy))))
            .or_else(|| forecast.as_ref().map(predictive))
            .or_else(|| utilisation.as_ref().map(|policy| Self::Utilisation(Utilisation::new(policy))))
    }

    /// Its name in a topology.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GoalAge(_) => "goal_age",
            Self::TargetTracking(_) => "target_tracking",
            Self::Step(_) => "step",
            Self::Predictive(_) => "predictive",
            Self::Utilisation(_) => "utilisation",
        }
    }

    /// What it says of the pool now.
    pub fn voice(&mut self, at: &Situation<'_>) -> Voice {
        match self {
            Self::GoalAge(policy) => policy.opinion(at).map_or(Voice::Silent, Voice::Go),
            Self::TargetTracking(policy) => policy.voice(at),
            Self::Step(policy) => policy.voice(at),
            Self::Predictive(policy) => policy.voice(at),
            Self::Utilisation(policy) => policy.voice(at),
        }
    }

    pub fn show(&self, learned: &mut Learned) {
        match self {
            Self::GoalAge(policy) => learned.wanted = learned.wanted.max(policy.wanted()),
            Self::Predictive(policy) => learned.forecast = policy.forecast(),
            _ => {}
        }
    }

    fn keep(&self, now: Instant) -> Option<PolicyMemory> {
        let (low, past) = match self {
            Self::GoalAge(_) => return None,
            Self::TargetTracking(policy) => (Some(policy.low().remember(now)), None),
            Self::Step(policy) => (None, policy.remember(now)),
            Self::Predictive(policy) => (Some(policy.low().remember(now)), None),
            Self::Utilisation(policy) => (Some(policy.low().remember(now)), None),
        };
        Some(PolicyMemory { name: self.name().to_owned(), low, past })
    }

    fn take_up(&mut self, now: Instant, memory: &PolicyMemory) {
        let low = match self {
            Self::GoalAge(_) => return,
            Self::Step(policy) => return policy.recall(now, memory.past),
            Self::TargetTracking(policy) => policy.low_mut(),
            Self::Predictive(policy) => policy.low_mut(),
            Self::Utilisation(policy) => policy.low_mut(),
        };
        if let Some(known) = &memory.low {
            low.recall(now, known);
        }
    }
}

/// Keeps what all policies of a pool know.
pub(super) fn remember(policies: &[Policy], now: Instant, memory: &mut Memory) {
    for policy in policies {
        match policy {
            Policy::GoalAge(policy) => memory.patience.push(policy.remember(now)),
            Policy::Predictive(policy) => memory.histories.push(policy.profile().remember()),
            _ => {}
        }
        memory.policies.extend(policy.keep(now));
    }
}

/// Takes up what was kept. `age` is that of a memory that still says something of now; the time since then does
/// not count as time in which a metric was watched.
pub(super) fn recall(policies: &mut [Policy], now: Instant, memory: &Memory, age: Option<Duration>) {
    let mut patience = memory.patience.iter();
    let mut left: Vec<&PolicyMemory> = memory.policies.iter().collect();
    for policy in policies {
        match policy {
            Policy::GoalAge(policy) => {
                if let (Some(known), Some(age)) = (patience.next(), age) {
                    policy.recall(now, age, known);
                }
            }
            Policy::Predictive(policy) => {
                let profile = policy.profile_mut();
                let _ = memory.histories.iter().any(|history| profile.recall(history));
            }
            _ => {}
        }
        let place = left.iter().position(|known| known.name == policy.name());
        if let Some(known) = place.map(|place| left.remove(place)).filter(|_| age.is_some()) {
            policy.take_up(now, known);
        }
    }
}
