//! Workers: an autoscaled pool that receives from a queue, applies rules or calls a server, and
//! settles each message together with its output.

mod activity;
mod backoff;
mod exchange;
mod http_runner;
mod pool;
mod resolver;
mod rules_runner;
mod runner;
mod section;
mod settlement;
mod stage;
#[cfg(test)]
mod tests;

pub use runner::WorkersError;
pub use section::{Environment, HttpRun, Retry, RulesRun, Run, WorkersSection};
pub use stage::WorkersStage;
