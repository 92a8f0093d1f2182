//! Metrics behind verbs, and logs.

pub mod logs;
mod metrics;
mod pool_metrics;

pub use logs::{LogError, LogFormat};
pub use metrics::{Metrics, NodeMetrics, ShardMetrics, StorageMetrics};
pub use pool_metrics::PoolMetrics;
