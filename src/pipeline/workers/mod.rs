//! Workers: an autoscaled pool that receives from a queue, applies rules, calls a server or speaks
//! with a program, and settles each message together with its output.

mod activity;
mod backoff;
mod batch_cost;
#[cfg(test)]
mod bench;
mod exchange;
mod http_runner;
mod pool;
mod process;
mod resolver;
mod rules_runner;
mod runner;
mod section;
mod settlement;
mod stage;
#[cfg(test)]
mod tests;

pub use batch_cost::BatchCost;
pub use runner::WorkersError;
pub use section::{Environment, HttpRun, Retry, RulesRun, Run, WorkersSection};
pub use stage::WorkersStage;
