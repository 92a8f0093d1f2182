//! What a stage's arrival means in rates and seconds.

use super::{Arrivals, Stretch};
use crate::{
    load::scenario::{Arrival, Stage, Trickle},
    simulation::traces::{self, TraceError},
    units::Span,
};
use std::{path::Path, time::Duration};

/// A stage, ready to be driven.
#[derive(Debug, Clone, PartialEq)]
pub struct StagePlan {
    pub name: String,
    pub length: Duration,
    pub mode: Mode,
}

/// What the plan of a scenario is multiplied by: the lengths of its stages and faults, and the rates of its
/// open stages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    pub times: f64,
    pub rates: f64,
}

impl Factors {
    pub const AS_WRITTEN: Self = Self { times: 1.0, rates: 1.0 };
}

/// Who says when the next record is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// The plan, whatever the answers take.
    Open { stretches: Vec<Stretch>, spacing: Trickle },
    /// The last answer.
    Closed,
}

impl StagePlan {
    /// Plans a stage.
    ///
    /// # Errors
    /// [`TraceError`] when its trace cannot be read.
    pub fn new(stage: &Stage, factors: Factors) -> Result<Self, TraceError> {
        let written = stage.length.map(seconds);
        let stretches = match &stage.arrival {
            Arrival::Closed {} => Vec::new(),
            Arrival::Trace { file, scale } => trace(file, *scale, written)?,
            plain => shape(plain, written.unwrap_or_default()),
        };
        let length = match stretches.is_empty() {
            true => written.unwrap_or_default(),
            false => stretches.iter().map(|stretch| stretch.seconds).sum(),
        };
        let Factors { times, rates } = factors;
        let multiplied = |stretch: Stretch| Stretch {
            seconds: stretch.seconds * times,
            from: stretch.from * rates,
            to: stretch.to * rates,
        };
        let mode = match stage.arrival {
            Arrival::Closed {} => Mode::Closed,
            _ => Mode::Open {
                stretches: stretches.into_iter().map(multiplied).collect(),
                spacing: stage.spacing,
            },
        };
        Ok(Self { name: stage.name.clone(), length: Duration::from_secs_f64(length * times), mode })
    }

    /// When its records are due; never, in the closed model.
    pub fn arrivals(&self, seed: u64) -> Arrivals {
        match &self.mode {
            Mode::Open { stretches, spacing } => Arrivals::new(stretches.clone(), *spacing, seed),
            Mode::Closed => Arrivals::new(Vec::new(), Trickle::Even, seed),
        }
    }
}

fn seconds(span: Span) -> f64 {
    span.0.as_secs_f64()
}

fn shape(arrival: &Arrival, length: f64) -> Vec<Stretch> {
    match *arrival {
        Arrival::Constant { rate } => vec![Stretch::flat(length, rate)],
        Arrival::Ramp { from, to } => vec![Stretch { seconds: length, from, to }],
        Arrival::Stairs { from, to, steps } => {
            let last = f64::from(steps.saturating_sub(1));
            let rate = |step: u32| match steps {
                0 | 1 => to,
                _ => from + (to - from) * f64::from(step) / last,
            };
            (0..steps).map(|step| Stretch::flat(length / f64::from(steps), rate(step))).collect()
        }
        Arrival::Spike { base, peak, after, lasting } => {
            let (after, lasting) = (seconds(after), seconds(lasting));
            let rest = (length - after - lasting).max(0.0);
            vec![Stretch::flat(after, base), Stretch::flat(lasting, peak), Stretch::flat(rest, base)]
        }
        Arrival::Pause {} | Arrival::Closed {} | Arrival::Trace { .. } => vec![Stretch::flat(length, 0.0)],
    }
}

/// One stretch for each second of a trace, as long as the stage or as the trace.
fn trace(file: &Path, scale: f64, length: Option<f64>) -> Result<Vec<Stretch>, TraceError> {
    let arrivals = traces::read(file)?.arrivals;
    let length = length.unwrap_or(arrivals.len() as f64);
    let stretches = arrivals.into_iter().enumerate().map_while(|(second, records)| {
        let left = (length - second as f64).min(1.0);
        (left > 0.0).then(|| Stretch::flat(left, records as f64 * scale))
    });
    let mut stretches: Vec<Stretch> = stretches.collect();
    let rest = length - stretches.len() as f64;
    if rest > 0.0 {
        stretches.push(Stretch::flat(rest, 0.0));
    }
    Ok(stretches)
}
