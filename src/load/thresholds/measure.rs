//! What thresholds are about: how each is limited, measured and written.

use crate::{
    load::{
        figure,
        outcome::{DaemonSample, Latency, Outcome, Proof, Scaling},
        scenario::Thresholds,
    },
    simulation::plot::chart::number,
    units::Span,
};

/// Share of records that may stay unsent when nothing is said: beyond it the generator was too weak for its
/// plan, and the run shows less than it seems to.
const UNSENT: f64 = 0.001;
const NO_HEALTH: &str = "nothing: the target tells no health";
const NO_PROOF: &str = "nothing: the scenario asks for no [proof]";
const NO_DRIFT: &str = "nothing: the target tells no health, or its longest stage is shorter than 8s";
const NO_LATENCY: &str = "nothing: no record was accepted";

/// One thing that can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    P50,
    P99,
    P999,
    Age,
    Refused,
    Unsent,
    Losses,
    Duplicates,
    Inversions,
    /// Records found that were answered as refused: a fault in any case.
    RefusedStored,
    ScaleActions,
    WorkerSeconds,
    Memory,
    MemoryDrift,
    Drain,
}

impl Measure {
    pub const ALL: [Self; 15] = [
        Self::P50,
        Self::P99,
        Self::P999,
        Self::Age,
        Self::Refused,
        Self::Unsent,
        Self::Losses,
        Self::Duplicates,
        Self::Inversions,
        Self::RefusedStored,
        Self::ScaleActions,
        Self::WorkerSeconds,
        Self::Memory,
        Self::MemoryDrift,
        Self::Drain,
    ];

    /// As the scenario file names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Age => "age",
            Self::Refused => "refused",
            Self::Unsent => "unsent",
            Self::Losses => "losses",
            Self::Duplicates => "duplicates",
            Self::Inversions => "inversions",
            Self::RefusedStored => "refused but stored",
            Self::ScaleActions => "scale_actions",
            Self::WorkerSeconds => "worker_seconds",
            Self::Memory => "memory",
            Self::MemoryDrift => "memory_drift",
            Self::Drain => "drain",
        }
    }

    /// The most that is allowed; nothing when it is not limited.
    pub fn limit(self, thresholds: &Thresholds, outcome: &Outcome) -> Option<f64> {
        let span = |span: Option<Span>| Some(span?.0.as_secs_f64());
        let counted = |asked: Option<u64>| match asked {
            Some(asked) => Some(asked as f64),
            None => outcome.proof.is_some().then_some(0.0),
        };
        match self {
            Self::P50 => span(thresholds.p50),
            Self::P99 => span(thresholds.p99),
            Self::P999 => span(thresholds.p999),
            Self::Age => span(thresholds.age),
            Self::Refused => thresholds.refused,
            Self::Unsent => Some(thresholds.unsent.unwrap_or(UNSENT)),
            Self::Losses => counted(thresholds.losses),
            Self::Duplicates => counted(thresholds.duplicates),
            Self::Inversions => counted(thresholds.inversions),
            Self::RefusedStored => counted(None),
            Self::ScaleActions => thresholds.scale_actions.map(|actions| actions as f64),
            Self::WorkerSeconds => thresholds.worker_seconds,
            Self::Memory => thresholds.memory.map(|memory| memory.0 as f64),
            Self::MemoryDrift => thresholds.memory_drift,
            Self::Drain => span(thresholds.drain),
        }
    }

    /// What the run came to, of which `whole` is the latency of all stages.
    ///
    /// # Errors
    /// Why it was not measured.
    pub fn of(self, outcome: &Outcome, whole: &Latency) -> Result<f64, &'static str> {
        let latency = |value: f64| if whole.count == 0 { Err(NO_LATENCY) } else { Ok(value) };
        let proof = |of: fn(&Proof) -> f64| outcome.proof.as_ref().map(of).ok_or(NO_PROOF);
        let scaling = |of: fn(&Scaling) -> f64| outcome.scaling.as_ref().map(of).ok_or(NO_HEALTH);
        let daemon = |of: fn(&DaemonSample) -> f64| {
            outcome.daemon_samples().map(|(_, sample)| of(sample)).reduce(f64::max).ok_or(NO_HEALTH)
        };
        match self {
            Self::P50 => latency(whole.p50),
            Self::P99 => latency(whole.p99),
            Self::P999 => latency(whole.p999),
            Self::Age => daemon(DaemonSample::oldest_age),
            Self::Refused => Ok(outcome.totals.refused_share()),
            Self::Unsent => Ok(outcome.totals.unsent_share()),
            Self::Losses => proof(|proof| proof.losses as f64),
            Self::Duplicates => proof(|proof| proof.duplicates as f64),
            Self::Inversions => proof(|proof| proof.inversions as f64),
            Self::RefusedStored => proof(|proof| proof.refused_stored as f64),
            Self::ScaleActions => scaling(|scaling| scaling.actions as f64),
            Self::WorkerSeconds => scaling(|scaling| scaling.worker_seconds),
            Self::Memory => daemon(|sample| sample.memory_bytes as f64),
            Self::MemoryDrift => outcome.memory_drift().ok_or(NO_DRIFT),
            Self::Drain => proof(|proof| proof.drain_seconds),
        }
    }

    /// A value of it with its unit.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::P50 | Self::P99 | Self::P999 | Self::Age | Self::Drain => figure::duration(value),
            Self::Refused | Self::Unsent | Self::MemoryDrift => figure::share(value),
            Self::Losses | Self::Duplicates | Self::Inversions | Self::RefusedStored | Self::ScaleActions
                if value == 0.0 =>
            {
                "none".to_owned()
            }
            Self::Losses | Self::Duplicates | Self::Inversions | Self::RefusedStored => {
                figure::counted(value as u64, "record")
            }
            Self::ScaleActions => figure::counted(value as u64, "action"),
            Self::WorkerSeconds => format!("{} worker-seconds", number(value)),
            Self::Memory => figure::bytes(value),
        }
    }

    /// Whether it is what a proof finds, whatever the machine's speed.
    pub fn is_of_proof(self) -> bool {
        matches!(self, Self::Losses | Self::Duplicates | Self::Inversions | Self::RefusedStored)
    }

    /// Whether it is known while the run goes on, and tells something then.
    pub fn is_known_early(self) -> bool {
        match self {
            Self::P50 | Self::P99 | Self::P999 | Self::Age | Self::Refused | Self::Unsent => true,
            Self::ScaleActions | Self::WorkerSeconds | Self::Memory => true,
            Self::Losses | Self::Duplicates | Self::Inversions | Self::RefusedStored => false,
            Self::MemoryDrift | Self::Drain => false,
        }
    }
}
