//! `caudal graph`: the topology drawn.

use super::{check::load, output::print};
use crate::{error::Failure, topology};
use std::path::PathBuf;

/// Arguments of `caudal graph`.
#[derive(Debug, Clone, clap::Args)]
pub struct GraphArguments {
    /// The topology file (.toml, .yaml or .yml)
    #[arg(value_name = "FILE")]
    pub topology: PathBuf,
    /// Only one of the two drawings
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<Drawing>,
}

/// How a graph can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Drawing {
    /// For a terminal
    Text,
    /// For Markdown pages that draw Mermaid
    Mermaid,
}

pub(super) fn run(arguments: &GraphArguments) -> Result<(), Failure> {
    let plan = load(&arguments.topology)?;
    print(&match arguments.format {
        Some(Drawing::Text) => topology::text(&plan),
        Some(Drawing::Mermaid) => topology::mermaid(&plan),
        None => format!("{}\n```mermaid\n{}```\n", topology::text(&plan), topology::mermaid(&plan)),
    })
}
