//! `caudal check`: every fault of a topology at once.

use super::output::print;
use crate::{
    error::Failure,
    topology::{self, Plan},
};
use std::path::{Path, PathBuf};

/// Arguments of `caudal check`.
#[derive(Debug, Clone, clap::Args)]
pub struct CheckArguments {
    /// The topology file (.toml, .yaml or .yml)
    #[arg(value_name = "FILE")]
    pub topology: PathBuf,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    let plan = load(&arguments.topology)?;
    let implicit = plan.nodes.iter().filter(|node| node.implicit).count();
    let implicit = match implicit {
        0 => String::new(),
        number => format!(" ({number} implicit)"),
    };
    print(&format!("{}: ok, {} nodes{implicit}\n", arguments.topology.display(), plan.nodes.len()))
}

/// The plan of a file, or all of its faults as one failure.
pub(super) fn load(file: &Path) -> Result<Plan, Failure> {
    topology::load(file).map_err(|faults| Failure::Topology { file: file.to_owned(), faults })
}
