//! One trace with all that was played through it.

use super::pool::Pool;
use crate::simulation::{
    Outcome, Rehearsal,
    targets::{Target, targets},
    traces::Trace,
    versus::{Verdict, compare},
};

/// The daemon's own autoscaler on a trace, and those it is compared with.
#[derive(Debug)]
pub(super) struct Rehearsed {
    pub seconds: usize,
    pub records: u64,
    pub oracle_cost: f64,
    pub targets: Vec<Target>,
    pub own: Outcome,
    pub others: Vec<Outcome>,
}

impl Rehearsed {
    pub fn new(trace: Trace, pool: &Pool, versus: &[String]) -> Self {
        let (seconds, records) = (trace.seconds(), trace.records());
        let rehearsal = Rehearsal::new(trace, pool.model);
        let others = versus.iter().filter_map(|name| rehearsal.run_rival(name)).collect();
        Self {
            seconds,
            records,
            oracle_cost: rehearsal.oracle().cost,
            targets: targets(&rehearsal),
            own: rehearsal.run(&|| pool.own()),
            others,
        }
    }

    /// Without its samples and decisions, which a report of many traces does not show.
    pub fn summed_up(mut self) -> Self {
        for outcome in self.outcomes_mut() {
            (outcome.samples, outcome.decisions) = (Vec::new(), Vec::new());
        }
        self
    }

    pub fn name(&self) -> &str {
        &self.own.trace
    }

    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        std::iter::once(&self.own).chain(&self.others)
    }

    fn outcomes_mut(&mut self) -> impl Iterator<Item = &mut Outcome> {
        std::iter::once(&mut self.own).chain(&mut self.others)
    }

    /// Targets that the own autoscaler misses.
    pub fn missed(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| !target.is_met(&self.own.score))
    }

    /// How the own autoscaler does against each of the others.
    pub fn verdicts(&self) -> impl Iterator<Item = (&Outcome, Verdict)> {
        self.others.iter().map(|other| (other, compare(&self.own.score, &other.score, &self.targets)))
    }
}
