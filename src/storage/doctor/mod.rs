//! The doctor: verifies a data folder that no daemon uses, explains what it finds, repairs what can be
//! repaired without hiding a loss.

mod examine;
mod losses;
mod repair;

pub use examine::examine;
pub(super) use losses::{LOSSES_KEY, read_losses};
pub use repair::repair;
