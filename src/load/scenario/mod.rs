//! A scenario file: what is sent where and when, what goes wrong meanwhile, what must hold.

mod arrival;
mod expectation;
mod fault;
mod record;
mod target;

pub use arrival::{Arrival, Stage, Trickle};
pub use expectation::{ProofSpec, Thresholds};
pub use fault::{Fault, FaultKind};
pub use record::{Keys, Records, Sizes};
pub use target::{Protocol, Target};

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A load test.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub scenario: About,
    pub target: Target,
    pub records: Records,
    /// One after the other.
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    #[serde(default)]
    pub proof: Option<ProofSpec>,
    #[serde(default)]
    pub thresholds: Thresholds,
}

/// What a scenario is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub name: String,
    /// What it shows, in a line.
    pub about: String,
    /// Everything that is drawn by lot follows from it. Default 1.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// The topology of the daemon that is started for it, beside the scenario's file. `--topology` names
    /// another one. Without either, a daemon or an emulator must run at the target's URL.
    #[serde(default)]
    pub topology: Option<PathBuf>,
}

fn first_seed() -> u64 {
    1
}
