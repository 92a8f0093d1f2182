//! From what was seen to the score.

use super::{
    Score,
    episodes::{Rise, falls, needs, rises},
    steadiness::{actions_and_reversals, amnesia, estimator_error, over_and_under},
    times::{drain, idle_tail, p99_and_max, reaction},
};
use crate::simulation::{PoolModel, oracle::Oracle, run::Run, traces::Trace};

/// Drain and ages, in seconds, that nobody can undercut; see [`Score`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Least {
    pub drain: Option<f64>,
    pub p99_age: f64,
    pub max_age: f64,
}

/// Scores the runs of one trace on one pool.
#[derive(Debug)]
pub(in crate::simulation) struct Judge<'a> {
    model: &'a PoolModel,
    oracle: &'a Oracle,
    needs: Vec<f64>,
    rises: Vec<Rise>,
    falls: Vec<usize>,
}

impl<'a> Judge<'a> {
    pub fn new(trace: &Trace, model: &'a PoolModel, oracle: &'a Oracle) -> Self {
        let needs = needs(trace, model);
        let (rises, falls) = (rises(trace, model, &needs), falls(&needs));
        Self { model, oracle, needs, rises, falls }
    }

    /// `restarted` is the same run with a restart, and the second of it.
    pub fn score(&self, run: &Run, restarted: Option<(&Run, usize)>) -> Score {
        let ages: Vec<f64> = run.samples.iter().map(|sample| sample.oldest_age).collect();
        let (p99_age, max_age) = p99_and_max(&ages);
        let (actions_per_hour, reversals_per_hour) = actions_and_reversals(&run.decisions, run.samples.len());
        let (over, under) = over_and_under(run, &self.needs);
        let cost_ratio = run.worker_seconds / self.oracle.cost.max(f64::MIN_POSITIVE);
        Score {
            reaction: reaction(run, self.model, &self.needs, &self.rises),
            drain: drain(&ages, self.model, &self.rises),
            p99_age,
            max_age,
            cost: run.worker_seconds,
            cost_ratio,
            over,
            under,
            actions_per_hour,
            reversals_per_hour,
            idle_tail: idle_tail(run, self.model, &self.needs, &self.falls),
            futile: self.model.sink_limit.map(|_| cost_ratio),
            lost_to_scale_in: run.missing as f64 / run.finished.max(1) as f64,
            amnesia: restarted.map(|(restarted, at)| amnesia(run, restarted, at)),
            estimator_error: estimator_error(run, self.model, &self.needs),
        }
    }

    /// What is left when there are `max` workers all the time.
    pub fn least(&self) -> Least {
        let ages = &self.oracle.least_ages;
        let (p99_age, max_age) = p99_and_max(ages);
        Least { drain: drain(ages, self.model, &self.rises), p99_age, max_age }
    }
}
