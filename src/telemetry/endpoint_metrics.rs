//! The metrics of the AWS endpoint.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Requests by operation and outcome; cheap to clone.
#[derive(Debug, Clone)]
pub struct EndpointMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
}

#[expect(clippy::expect_used, reason = "names are constants, checked by a test")]
fn valid<T>(metric: prometheus::Result<T>) -> T {
    metric.expect("valid metric")
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    valid(IntCounterVec::new(Opts::new(name, help), labels))
}

impl EndpointMetrics {
    pub(super) fn new() -> Self {
        let buckets = std::iter::successors(Some(0.000_25), |last| Some(last * 2.0)).take(16).collect();
        let duration = HistogramOpts::new(
            "caudal_aws_request_duration_seconds",
            "time from a whole request to its answer",
        )
        .buckets(buckets);
        Self {
            requests: counters(
                "caudal_aws_requests_total",
                "requests of AWS protocols, by how they ended",
                &["operation", "code"],
            ),
            duration: valid(HistogramVec::new(duration, &["operation"])),
        }
    }

    /// Metrics that nobody scrapes, for tests and tools.
    pub fn unregistered() -> Self {
        Self::new()
    }

    pub(super) fn register(&self, registry: &Registry) {
        valid(registry.register(Box::new(self.requests.clone())));
        valid(registry.register(Box::new(self.duration.clone())));
    }

    /// A request was answered. Both names are of known sets, never of a client's making.
    pub fn answered(&self, operation: &'static str, code: &'static str, seconds: f64) {
        self.requests.with_label_values(&[operation, code]).inc();
        self.duration.with_label_values(&[operation]).observe(seconds);
    }
}
