//! A scenario file: what is sent where and when, what goes wrong meanwhile, what must hold.

mod arrival;
mod check;
mod expectation;
mod fault;
mod reading;
mod record;
mod reference;
mod schema;
mod target;
#[cfg(test)]
mod tests;

pub use arrival::{Arrival, Stage, Trickle};
pub use expectation::{ProofSpec, Thresholds};
pub use fault::{Fault, FaultKind};
pub use reading::{load, load_text};
pub use record::{Keys, Records, Sizes};
pub use reference::reference;
pub use schema::schema;
pub use target::{Protocol, Target};

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A load test.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is.
    pub scenario: About,
    /// Where records go.
    pub target: Target,
    /// What is sent.
    pub records: Records,
    /// The stretches of the run, one after the other.
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
    /// What goes wrong meanwhile.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    /// From where it is proven that each accepted record arrived once. Names are nodes or queues of the
    /// topology. Without it nothing is proven.
    #[serde(default)]
    pub proof: Option<ProofSpec>,
    /// What ends the run with exit code 1 when it is not kept. What is left out is not asked for, but unsent
    /// records are at most one in a thousand, and a proof finds no losses, duplicates and inversions.
    #[serde(default)]
    pub thresholds: Thresholds,
}

/// What a scenario is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Its name, in reports.
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
