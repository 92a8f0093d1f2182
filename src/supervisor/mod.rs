//! The control plane: observes, scales, restarts and drains; the only folder that imports actix.

mod activity;
mod admin;
mod apply;
mod change;
mod control_plane;
mod drain;
mod health;
mod member;
mod memory;
mod node;
mod orders;
mod policy;
mod pool;
mod refresh;
#[expect(clippy::module_inception, reason = "the folder is the control plane, the file is its root actor")]
mod supervisor;
mod terms;
#[cfg(test)]
mod tests;
mod verbs;

pub use activity::{Activities, Activity, ActivityStatus, Cause};
pub use admin::{Admin, AdminParts, NotReloaded, Reload, Reloaded, Token};
pub use change::{Applied, Change, Handover, NotApplied, Rescaled};
pub use control_plane::{Ended, StopRequest, Surroundings, serve};
pub use drain::Straggler;
pub use health::{Health, NodeHealth, NodeState, Observed, Phase, PoolHealth, PoolPages};
pub use node::BuiltNode;
pub use orders::{ControlPlane, Done, Orders, PoolVerb, Refused};
pub use policy::{
    ArrivalsMemory, Autoscaler, ChangesMemory, Decision, History, Learned, LimitMemory, Memory, Moment,
    OutOfBounds, PatienceMemory, PolicyMemory, QuietMemory, StartsMemory, Verdict,
};
pub use refresh::{RefreshReport, RefreshStatus};
pub use terms::NodeTerms;
