//! Rehearses the scaling of a pool on a virtual clock: the policy code of the daemon, or another autoscaler's,
//! against a trace of arrivals, measured against a plan that knows the trace.
//!
//! ```text
//!  trace ─▶ world ◀──▶ sizing        arrivals, workers, ages on a virtual clock
//!    │        └──▶ run ─▶ score ◀─ oracle
//!    └──────────────────────────────┘   └─▶ targets
//! ```
//!
//! Anything that implements [`Sizing`] is scored the same way: the traces ([`traces`]), the oracle ([`oracle`])
//! and the measures ([`score`]) say exactly what they are. All is deterministic: two runs give the same numbers.

mod cores;
mod cumulative;
pub mod oracle;
mod outcome;
mod own_sizing;
pub mod plot;
mod pool_model;
mod prompt;
mod rehearsal;
mod rivals;
mod run;
pub mod score;
mod sizing;
#[cfg(test)]
mod target_tests;
pub mod targets;
pub mod traces;
pub mod versus;
pub mod world;

pub use cores::on_all_cores;
pub use outcome::{Change, Outcome, Sample};
pub use own_sizing::OwnSizing;
pub use pool_model::PoolModel;
pub use prompt::Prompt;
pub use rehearsal::Rehearsal;
pub use rivals::{RIVALS, VARIANTS, rival};
pub use score::Score;
pub use sizing::{Ordered, Sizing};
