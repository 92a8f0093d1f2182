//! What holds for a node's tasks whatever its stage does: how many there are, when they come back after
//! a failure, how they are replaced.

use crate::pipeline::{RefreshSettings, RestartTerms, Scale};

/// The terms that a node's tasks live by. They come with a stage and, when it is rolled back, go with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeTerms {
    /// Bounds and policies of its pool; a node without runs with a capacity of one.
    pub scale: Option<Scale>,
    pub refresh: RefreshSettings,
    pub restart: RestartTerms,
}

impl From<Option<Scale>> for NodeTerms {
    fn from(scale: Option<Scale>) -> Self {
        Self { scale, ..Self::default() }
    }
}
