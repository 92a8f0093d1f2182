//! `caudal schema`: what a topology file may say.

use super::output::print;
use crate::{error::Failure, topology};

/// Arguments of `caudal schema`.
#[derive(Debug, Clone, clap::Args)]
pub struct SchemaArguments {
    /// Print a page to read instead of the JSON Schema
    #[arg(long)]
    pub markdown: bool,
}

pub(super) fn run(arguments: &SchemaArguments) -> Result<(), Failure> {
    match arguments.markdown {
        true => print(&topology::reference()),
        false => print(&format!("{:#}\n", topology::schema())),
    }
}
