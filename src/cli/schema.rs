//! `caudal schema`: what a topology file or a scenario file may say.

use super::output::print;
use crate::{error::Failure, load::scenario, topology};

/// Arguments of `caudal schema`.
#[derive(Debug, Clone, clap::Args)]
pub struct SchemaArguments {
    /// Print a page to read instead of the JSON Schema
    #[arg(long)]
    pub markdown: bool,
    /// Of the scenarios of `caudal load` instead of topologies
    #[arg(long)]
    pub scenario: bool,
}

pub(super) fn run(arguments: &SchemaArguments) -> Result<(), Failure> {
    match (arguments.markdown, arguments.scenario) {
        (true, false) => print(&topology::reference()),
        (true, true) => print(&scenario::reference()),
        (false, false) => print(&format!("{:#}\n", topology::schema())),
        (false, true) => print(&format!("{:#}\n", scenario::schema())),
    }
}
