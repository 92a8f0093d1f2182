//! Rehearses the scaling of a pool on a virtual clock: the policy code of the daemon, or another autoscaler's,
//! against a trace of arrivals, measured against a plan that knows the trace.

mod outcome;
mod own_sizing;
mod pool_model;
mod rivals;
mod score;
mod sizing;

pub use outcome::{Change, Outcome, Sample};
pub use own_sizing::OwnSizing;
pub use pool_model::PoolModel;
pub use rivals::{RIVALS, VARIANTS, rival};
pub use score::Score;
pub use sizing::{Ordered, Sizing};
