//! Metrics behind verbs, and logs.

pub mod logs;
mod metrics;

pub use logs::{LogError, LogFormat};
pub use metrics::{Metrics, NodeMetrics, ShardMetrics, StorageMetrics};
