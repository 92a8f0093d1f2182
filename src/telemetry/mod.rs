//! Metrics behind verbs, and logs.

mod endpoint_metrics;
pub mod logs;
mod metrics;
mod pool_metrics;

pub use endpoint_metrics::EndpointMetrics;
pub use logs::{LogError, LogFormat};
pub use metrics::{Metrics, NodeMetrics, ShardMetrics, StorageMetrics};
pub use pool_metrics::PoolMetrics;
