//! What a sizing has to reach.
//!
//! | measure | on every trace | on some |
//! |---|---|---|
//! | reaction | start + 1.5 s | |
//! | drain | start + 3 s ¹ | |
//! | p99 age | 10 % of the goal ² | |
//! | max age | the goal ¹ | |
//! | cost over the oracle's | 2.5 | `step10x`, `ramp8x` 1.5; `constant-noisy`, `diurnal` 1.4 |
//! | futile scaling | 1.5 | |
//! | under-provisioned | 2 % of the time ³ | |
//! | actions per hour | | `step10x` 15; `constant-noisy` 5 |
//! | reversals per hour | 20 | `step10x`, `constant-noisy` 3 |
//! | idle tail | 75 s | |
//! | lost to scale-in | nothing | |
//! | restart amnesia | 10 % | |
//! | estimator error | 10 % | |
//!
//! Where a trace makes a target impossible, it is stated by what is possible:
//!
//! 1. Where [`Prompt`](super::Prompt), who knows the present exactly, is over it: the least that `max` workers
//!    all the time come to, and the time until a first worker can be there, start + 1.5 s (a drain: start + 3 s);
//!    of a drain no less than Prompt's.
//! 2. Where Prompt, who sees a rise within 1 s, is over it: Prompt's and 0.5 s; where `max` workers all the time
//!    are over it too, no less than theirs and start + 1.5 s.
//! 3. Where Prompt is over it: Prompt's.
//!
//! Of a trace that is not named nobody knows what it may cost, nor how often it turns. There, where a Prompt
//! who keeps workers for a minute is over these targets, they are its cost and a tenth, and its reversals.

use super::{Rehearsal, Score};
use serde::Serialize;

/// Seconds that may pass until a sizing has seen and answered a rise.
const SEEING: f64 = 1.5;

/// What is measured; see [`Score`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Reaction,
    Drain,
    P99Age,
    MaxAge,
    CostRatio,
    Futile,
    Over,
    Under,
    Actions,
    Reversals,
    IdleTail,
    LostToScaleIn,
    Amnesia,
    EstimatorError,
}

/// A measure and the most it may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Target {
    pub measure: Measure,
    pub most: f64,
    /// Stated by what is possible on this trace, since the usual target is not.
    pub is_relative: bool,
}

impl Measure {
    /// All, in the order of tables.
    pub const ALL: [Self; 14] = [
        Self::Reaction,
        Self::Drain,
        Self::P99Age,
        Self::MaxAge,
        Self::CostRatio,
        Self::Futile,
        Self::Over,
        Self::Under,
        Self::Actions,
        Self::Reversals,
        Self::IdleTail,
        Self::LostToScaleIn,
        Self::Amnesia,
        Self::EstimatorError,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reaction => "reaction",
            Self::Drain => "drain",
            Self::P99Age => "p99 age",
            Self::MaxAge => "max age",
            Self::CostRatio => "cost",
            Self::Futile => "futile",
            Self::Over => "over",
            Self::Under => "under",
            Self::Actions => "actions",
            Self::Reversals => "reversals",
            Self::IdleTail => "idle tail",
            Self::LostToScaleIn => "lost",
            Self::Amnesia => "amnesia",
            Self::EstimatorError => "error",
        }
    }

    /// The unit of [`figure`](Self::figure).
    pub fn unit(self) -> &'static str {
        match self {
            Self::Reaction | Self::Drain | Self::P99Age | Self::MaxAge | Self::IdleTail => "s",
            Self::CostRatio | Self::Futile => "×",
            Self::Actions | Self::Reversals => "/h",
            Self::Over | Self::Under | Self::LostToScaleIn | Self::Amnesia | Self::EstimatorError => "%",
        }
    }

    /// A value in that unit.
    pub fn figure(self, value: f64) -> String {
        match self.unit() {
            "%" => format!("{:.1}", value * 100.0),
            "×" => format!("{value:.2}"),
            "s" if value >= 99.95 => format!("{value:.0}"),
            _ => format!("{value:.1}"),
        }
    }

    /// A value with its unit.
    pub fn text(self, value: f64) -> String {
        let space = if matches!(self.unit(), "s" | "%") { " " } else { "" };
        format!("{}{space}{}", self.figure(value), self.unit())
    }

    /// What a score says of it; absent where the trace has no occasion for it.
    pub fn of(self, score: &Score) -> Option<f64> {
        match self {
            Self::Reaction => score.reaction,
            Self::Drain => score.drain,
            Self::P99Age => Some(score.p99_age),
            Self::MaxAge => Some(score.max_age),
            Self::CostRatio => Some(score.cost_ratio),
            Self::Futile => score.futile,
            Self::Over => Some(score.over),
            Self::Under => Some(score.under),
            Self::Actions => Some(score.actions_per_hour),
            Self::Reversals => Some(score.reversals_per_hour),
            Self::IdleTail => score.idle_tail,
            Self::LostToScaleIn => Some(score.lost_to_scale_in),
            Self::Amnesia => score.amnesia,
            Self::EstimatorError => score.estimator_error,
        }
    }
}

impl Target {
    /// Whether a score reaches it; what it does not measure it does not miss.
    pub fn is_met(&self, score: &Score) -> bool {
        // Values are shown, and compared, to six digits.
        self.measure.of(score).is_none_or(|value| value <= self.most + 1e-6)
    }
}

/// The targets of a trace, in the order of tables.
pub fn targets(rehearsal: &Rehearsal) -> Vec<Target> {
    let (model, least) = (rehearsal.model(), rehearsal.least());
    let (prompt, patient) = (rehearsal.prompt(), rehearsal.patient());
    let (goal, start) = (model.goal.as_secs_f64(), model.start.as_secs_f64());
    let plain = |measure, most| Target { measure, most, is_relative: false };
    // The usual target where the reference keeps it, else what is possible.
    let possible = |measure: Measure, most: f64, reference: &Score, best: f64| match measure.of(reference) {
        Some(value) if value > most => Target { measure, most: best.max(most), is_relative: true },
        _ => plain(measure, most),
    };
    let young = goal / 10.0;
    let hurried = if least.p99_age > young { least.p99_age + start + SEEING } else { 0.0 };
    let drained = (least.drain.unwrap_or(0.0) + start + 3.0).max(prompt.drain.unwrap_or(0.0));
    let mut all = vec![
        plain(Measure::Reaction, start + SEEING),
        possible(Measure::Drain, start + 3.0, prompt, drained),
        possible(Measure::P99Age, young, prompt, hurried.max(prompt.p99_age + SEEING - 1.0)),
        possible(Measure::MaxAge, goal, prompt, least.max_age + start + SEEING),
        plain(Measure::Futile, 1.5),
        possible(Measure::Under, 0.02, prompt, prompt.under),
    ];
    match by_name(&rehearsal.trace().name) {
        Some((cost, actions, reversals)) => {
            all.extend([plain(Measure::CostRatio, cost), plain(Measure::Reversals, reversals)]);
            all.extend(actions.map(|most| plain(Measure::Actions, most)));
        }
        None => all.extend([
            possible(Measure::CostRatio, 2.5, patient, patient.cost_ratio * 1.1),
            possible(Measure::Reversals, 20.0, patient, patient.reversals_per_hour),
        ]),
    }
    all.extend([
        plain(Measure::IdleTail, 75.0),
        plain(Measure::LostToScaleIn, 0.0),
        plain(Measure::Amnesia, 0.10),
        plain(Measure::EstimatorError, 0.10),
    ]);
    let place = |target: &Target| Measure::ALL.iter().position(|measure| *measure == target.measure);
    all.sort_by_key(place);
    all
}

/// Cost ratio, actions and reversals per hour of a named trace.
fn by_name(trace: &str) -> Option<(f64, Option<f64>, f64)> {
    Some(match trace {
        "step10x" => (1.5, Some(15.0), 3.0),
        "constant-noisy" => (1.4, Some(5.0), 3.0),
        "ramp8x" => (1.5, None, 20.0),
        "diurnal" => (1.4, None, 20.0),
        "batch30k" | "capped-sink" | "random-bursts" | "square60s" => (2.5, None, 20.0),
        _ => return None,
    })
}
