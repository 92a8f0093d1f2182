//! The scenario of a trial.

use crate::{
    load::scenario::{Arrival, Scenario, Stage},
    units::Span,
};
use std::time::Duration;

/// Where the search begins when the scenario names no rate.
const FIRST: f64 = 1_000.0;
/// A trial that does not hold is ended after this share of its time.
const ABORT_AFTER: u32 = 3;

/// A scenario of one stage at one rate, for so long, in which nothing goes wrong; all else is as it was, but that
/// memory may move: a daemon that has just begun takes what it needs.
pub fn trial(scenario: &Scenario, rate: f64, length: Duration) -> Scenario {
    let spacing = scenario.stages.first().map(|stage| stage.spacing).unwrap_or_default();
    let stage = Stage {
        name: format!("{rate}/s"),
        length: Some(Span(length)),
        arrival: Arrival::Constant { rate },
        spacing,
    };
    let mut trial = scenario.clone();
    trial.stages = vec![stage];
    trial.faults = Vec::new();
    trial.thresholds.memory_drift = None;
    trial.thresholds.abort_after = Some(Span(length / ABORT_AFTER));
    trial
}

/// The highest rate that the scenario plans.
pub fn first_rate(scenario: &Scenario) -> f64 {
    let rates = scenario.stages.iter().map(|stage| match stage.arrival {
        Arrival::Constant { rate } => rate,
        Arrival::Ramp { from, to } | Arrival::Stairs { from, to, .. } => f64::max(from, to),
        Arrival::Spike { base, peak, .. } => f64::max(base, peak),
        Arrival::Trace { .. } | Arrival::Closed {} | Arrival::Pause {} => 0.0,
    });
    let most = rates.fold(0.0, f64::max);
    if most > 0.0 { most } else { FIRST }
}
