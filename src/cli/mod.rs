//! The command line: one file for each verb.

mod address;
mod check;
mod commands;
mod doctor;
mod graph;
mod load;
mod output;
mod query;
mod query_arguments;
mod reload;
mod run;
mod run_arguments;
mod schema;
mod simulate;
mod test;
#[cfg(test)]
mod tests;

pub use check::CheckArguments;
pub use commands::{Cli, Verb};
pub use doctor::DoctorArguments;
pub use graph::{Drawing, GraphArguments};
pub use load::LoadArguments;
pub use query_arguments::{QueryArguments, QueryFormat};
pub use reload::ReloadArguments;
pub use run_arguments::RunArguments;
pub use schema::SchemaArguments;
pub use simulate::SimulateArguments;
pub use test::TestArguments;
