//! The control plane: observes, scales, restarts and drains; the only folder that imports actix.

mod admin;
mod change;
mod control_plane;
mod drain;
mod health;
mod node;
mod policy;
mod pool;
#[expect(clippy::module_inception, reason = "the folder is the control plane, the file is its root actor")]
mod supervisor;
#[cfg(test)]
mod tests;

pub use admin::Admin;
pub use change::{Applied, Change, Handover, NotApplied};
pub use control_plane::{Ended, StopRequest, serve};
pub use drain::Straggler;
pub use health::{Activity, Health, NodeHealth, NodeState, Observed, Phase, PoolHealth};
pub use node::BuiltNode;
pub use policy::{Autoscaler, Decision, Learned, Memory, Moment, OutOfBounds, Verdict};
