//! The kinds of policy a pool can have. A new one is a file, a variant and an arm here.

use super::{
    Learned, Memory,
    goal_age::{GoalAge, PatienceMemory},
    opinion::{Opinion, Situation},
    predictive::Predictive,
    step::StepScaling,
    target_tracking::TargetTracking,
    utilisation::Utilisation,
};
use crate::pipeline::{Scale, ScalePolicy};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) enum Policy {
    GoalAge(Box<GoalAge>),
    TargetTracking(TargetTracking),
    Step(StepScaling),
    Predictive(Box<Predictive>),
    Utilisation(Utilisation),
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

    /// Where it would have the pool go; `None` while it cannot tell.
    pub fn opinion(&mut self, at: &Situation<'_>) -> Option<Opinion> {
        match self {
            Self::GoalAge(policy) => policy.opinion(at),
            Self::TargetTracking(policy) => policy.opinion(at),
            Self::Step(policy) => policy.opinion(at),
            Self::Predictive(policy) => policy.opinion(at),
            Self::Utilisation(policy) => policy.opinion(at),
        }
    }

    pub fn show(&self, learned: &mut Learned) {
        match self {
            Self::GoalAge(policy) => learned.wanted = learned.wanted.max(policy.wanted()),
            Self::Predictive(policy) => learned.forecast = policy.forecast(),
            _ => {}
        }
    }

    pub fn remember(&self, now: Instant, memory: &mut Memory) {
        match self {
            Self::GoalAge(policy) => memory.patience.push(policy.remember(now)),
            Self::Predictive(policy) => memory.histories.push(policy.profile().remember()),
            _ => {}
        }
    }

    /// `age` is that of a memory that still says something of now, `patience` what `goal_age` policies have
    /// not yet taken of it.
    pub fn recall<'a>(
        &mut self,
        now: Instant,
        memory: &'a Memory,
        age: Option<Duration>,
        patience: &mut impl Iterator<Item = &'a PatienceMemory>,
    ) {
        match self {
            Self::GoalAge(policy) => {
                if let (Some(known), Some(age)) = (patience.next(), age) {
                    policy.recall(now, age, known);
                }
            }
            Self::Predictive(policy) => {
                let profile = policy.profile_mut();
                let _ = memory.histories.iter().any(|history| profile.recall(history));
            }
            _ => {}
        }
    }
}
