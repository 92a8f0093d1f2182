//! Every metric's name, behind a verb.

use super::{
    endpoint_metrics::EndpointMetrics,
    pool_metrics::{PoolFamilies, PoolMetrics},
};
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::sync::Arc;

/// Shards that a node is thought to have had at most, when it is forgotten.
const MOST_SHARDS: u32 = 16_384;
const NODE: [&str; 2] = ["node", "kind"];
const SHARD: [&str; 3] = ["node", "kind", "shard"];

/// All metrics of the process, in a registry of their own.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    records: IntCounterVec,
    bytes: IntCounterVec,
    throttled: IntCounterVec,
    backlog: IntGaugeVec,
    oldest_age: GaugeVec,
    processed: IntCounterVec,
    filtered: IntCounterVec,
    quarantined: IntCounterVec,
    retries: IntCounterVec,
    panics: IntCounterVec,
    restarts: IntCounterVec,
    in_flight: IntGaugeVec,
    pools: PoolFamilies,
    healthy: IntGaugeVec,
    request_duration: HistogramVec,
    storage: StorageMetrics,
    endpoint: EndpointMetrics,
}

/// The metrics of one node; cheap to clone.
#[derive(Debug, Clone)]
pub struct NodeMetrics {
    all: Arc<Metrics>,
    node: Arc<str>,
    kind: &'static str,
    processed: IntCounter,
    filtered: IntCounter,
    quarantined: IntCounter,
    retries: IntCounter,
    in_flight: IntGauge,
    request_duration: Histogram,
}

/// The metrics of the store; cheap to clone.
#[derive(Debug, Clone)]
pub struct StorageMetrics {
    flush: Histogram,
    flushed_bytes: IntCounter,
    batches: IntCounter,
    log_bytes: Gauge,
    disk_free: Gauge,
    disk_full: IntGauge,
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    #[expect(clippy::expect_used, reason = "names are constants, checked by a test")]
    IntCounterVec::new(Opts::new(name, help), labels).expect("valid metric")
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    #[expect(clippy::expect_used, reason = "names are constants, checked by a test")]
    IntGaugeVec::new(Opts::new(name, help), labels).expect("valid metric")
}

fn buckets(start: f64, factor: f64, count: usize) -> Vec<f64> {
    std::iter::successors(Some(start), |last| Some(last * factor)).take(count).collect()
}

impl StorageMetrics {
    fn new() -> Self {
        #[expect(clippy::expect_used, reason = "names are constants, checked by a test")]
        fn valid<T>(metric: prometheus::Result<T>) -> T {
            metric.expect("valid metric")
        }
        let flush =
            HistogramOpts::new("caudal_flush_duration_seconds", "time of one write and flush of the log")
                .buckets(buckets(0.000_05, 2.0, 18));
        Self {
            flush: valid(Histogram::with_opts(flush)),
            flushed_bytes: valid(IntCounter::new("caudal_flushed_bytes_total", "bytes written to the log")),
            batches: valid(IntCounter::new("caudal_committed_batches_total", "batches made durable")),
            log_bytes: valid(Gauge::new("caudal_log_bytes", "size of the log on disk")),
            disk_free: valid(Gauge::new(
                "caudal_disk_free_bytes",
                "free space of the data folder's file system",
            )),
            disk_full: valid(IntGauge::new(
                "caudal_disk_full",
                "1 while writes are refused for want of space",
            )),
        }
    }

    /// Metrics that nobody scrapes, for tests and tools.
    pub fn unregistered() -> Self {
        Self::new()
    }

    pub fn flushed(&self, seconds: f64, bytes: u64, batches: u64) {
        self.flush.observe(seconds);
        self.flushed_bytes.inc_by(bytes);
        self.batches.inc_by(batches);
    }

    pub fn show_log(&self, log_bytes: u64, free_bytes: u64, full: bool) {
        self.log_bytes.set(log_bytes as f64);
        self.disk_free.set(free_bytes as f64);
        self.disk_full.set(i64::from(full));
    }
}

impl Metrics {
    pub fn new() -> Arc<Self> {
        #[expect(clippy::expect_used, reason = "names are constants, checked by a test")]
        fn valid<T>(metric: prometheus::Result<T>) -> T {
            metric.expect("valid metric")
        }
        let age = Opts::new("caudal_oldest_age_seconds", "age of the oldest waiting record");
        let duration = HistogramOpts::new("caudal_request_duration_seconds", "time from request to answer")
            .buckets(buckets(0.000_25, 2.0, 16));
        let metrics = Self {
            registry: Registry::new(),
            records: counters("caudal_records_total", "records that came to a shard", &SHARD),
            bytes: counters("caudal_bytes_total", "payload bytes that came to a shard", &SHARD),
            throttled: counters("caudal_throttled_total", "requests refused by a shard's limits", &SHARD),
            backlog: gauges("caudal_backlog_records", "records waiting for a node", &SHARD),
            oldest_age: valid(GaugeVec::new(age, &SHARD)),
            processed: counters("caudal_processed_records_total", "records a node has finished", &NODE),
            filtered: counters("caudal_filtered_records_total", "records left out on purpose", &NODE),
            quarantined: counters(
                "caudal_quarantined_records_total",
                "records put aside with a reason",
                &NODE,
            ),
            retries: counters("caudal_retries_total", "attempts that were repeated", &NODE),
            panics: counters("caudal_panics_total", "tasks that panicked and were survived", &NODE),
            restarts: counters("caudal_restarts_total", "tasks started again after a failure", &NODE),
            in_flight: gauges("caudal_in_flight_records", "records being worked on", &NODE),
            pools: PoolFamilies::new(),
            healthy: gauges("caudal_node_healthy", "0 while a node has failed too often and rests", &NODE),
            request_duration: valid(HistogramVec::new(duration, &NODE)),
            storage: StorageMetrics::new(),
            endpoint: EndpointMetrics::new(),
        };
        metrics.register();
        Arc::new(metrics)
    }

    fn register(&self) {
        let storage = &self.storage;
        let all: [Box<dyn prometheus::core::Collector>; 20] = [
            Box::new(self.records.clone()),
            Box::new(self.bytes.clone()),
            Box::new(self.throttled.clone()),
            Box::new(self.backlog.clone()),
            Box::new(self.oldest_age.clone()),
            Box::new(self.processed.clone()),
            Box::new(self.filtered.clone()),
            Box::new(self.quarantined.clone()),
            Box::new(self.retries.clone()),
            Box::new(self.panics.clone()),
            Box::new(self.restarts.clone()),
            Box::new(self.in_flight.clone()),
            Box::new(self.healthy.clone()),
            Box::new(self.request_duration.clone()),
            Box::new(storage.flush.clone()),
            Box::new(storage.flushed_bytes.clone()),
            Box::new(storage.batches.clone()),
            Box::new(storage.log_bytes.clone()),
            Box::new(storage.disk_free.clone()),
            Box::new(storage.disk_full.clone()),
        ];
        for metric in all {
            #[expect(clippy::expect_used, reason = "each name is registered once, checked by a test")]
            self.registry.register(metric).expect("registered once");
        }
        self.pools.register(&self.registry);
        self.endpoint.register(&self.registry);
    }

    pub fn storage(&self) -> StorageMetrics {
        self.storage.clone()
    }

    pub fn endpoint(&self) -> EndpointMetrics {
        self.endpoint.clone()
    }

    pub fn node(self: &Arc<Self>, node: &str, kind: &'static str) -> NodeMetrics {
        let labels = [node, kind];
        NodeMetrics {
            processed: self.processed.with_label_values(&labels),
            filtered: self.filtered.with_label_values(&labels),
            quarantined: self.quarantined.with_label_values(&labels),
            retries: self.retries.with_label_values(&labels),
            in_flight: self.in_flight.with_label_values(&labels),
            request_duration: self.request_duration.with_label_values(&labels),
            all: Arc::clone(self),
            node: node.into(),
            kind,
        }
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("# {error}\n"),
        }
    }
}

impl NodeMetrics {
    /// Counters of one shard, resolved once and kept by whoever writes to it.
    pub fn shard(&self, shard: u32) -> ShardMetrics {
        self.shard_named(&shard.to_string())
    }

    fn shard_named(&self, shard: &str) -> ShardMetrics {
        let labels = [&*self.node, self.kind, shard];
        ShardMetrics {
            records: self.all.records.with_label_values(&labels),
            bytes: self.all.bytes.with_label_values(&labels),
            throttled: self.all.throttled.with_label_values(&labels),
            backlog: self.all.backlog.with_label_values(&labels),
            oldest_age: self.all.oldest_age.with_label_values(&labels),
        }
    }

    /// Shows a shard no more: it is gone for good.
    pub fn forget_shard(&self, shard: u32) {
        let shard = shard.to_string();
        let labels = [&*self.node, self.kind, &shard];
        // What was never shown needs no hiding.
        let _ = self.all.records.remove_label_values(&labels);
        let _ = self.all.bytes.remove_label_values(&labels);
        let _ = self.all.throttled.remove_label_values(&labels);
        let _ = self.all.backlog.remove_label_values(&labels);
        let _ = self.all.oldest_age.remove_label_values(&labels);
    }

    /// Counters of all shards of a node together: their `shard` is empty.
    pub fn shards_together(&self) -> ShardMetrics {
        self.shard_named("")
    }

    pub fn processed(&self, records: u64) {
        self.processed.inc_by(records);
    }
    pub fn filtered(&self, records: u64) {
        self.filtered.inc_by(records);
    }
    pub fn quarantined(&self, records: u64) {
        self.quarantined.inc_by(records);
    }
    pub fn retried(&self, attempts: u64) {
        self.retries.inc_by(attempts);
    }
    pub fn show_in_flight(&self, records: u64) {
        self.in_flight.set(i64::try_from(records).unwrap_or(i64::MAX));
    }
    pub fn answered(&self, seconds: f64) {
        self.request_duration.observe(seconds);
    }
    pub fn panicked(&self) {
        self.all.panics.with_label_values(&[&*self.node, self.kind]).inc();
    }
    pub fn restarted(&self) {
        self.all.restarts.with_label_values(&[&*self.node, self.kind]).inc();
    }
    /// The metrics of a pool, for whoever scales it.
    pub fn pool(&self) -> PoolMetrics {
        self.all.pools.pool(&self.node, self.kind)
    }
}

/// What the control plane shows of a node.
impl NodeMetrics {
    pub fn show_healthy(&self, is_healthy: bool) {
        self.all.healthy.with_label_values(&[&*self.node, self.kind]).set(i64::from(is_healthy));
    }
    /// What waits for a pool as a whole: its `shard` is empty.
    pub fn show_waiting(&self, records: u64, oldest_age_seconds: f64) {
        let labels = [&*self.node, self.kind, ""];
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        self.all.backlog.with_label_values(&labels).set(records);
        self.all.oldest_age.with_label_values(&labels).set(oldest_age_seconds);
    }
    fn forget_waiting(&self, shard: &str) -> prometheus::Result<()> {
        let labels = [&*self.node, self.kind, shard];
        self.all.backlog.remove_label_values(&labels)?;
        self.all.oldest_age.remove_label_values(&labels)
    }

    /// A node that has left the topology is shown no more; what it has counted stays.
    pub fn forget(&self) {
        let labels = [&*self.node, self.kind];
        // What was never shown cannot be removed; that is as good.
        drop(self.all.healthy.remove_label_values(&labels));
        drop(self.all.in_flight.remove_label_values(&labels));
        drop(self.forget_waiting(""));
        // Shards are counted from 0; those that were split or merged leave gaps.
        (0..MOST_SHARDS).for_each(|shard| drop(self.forget_waiting(&shard.to_string())));
        self.all.pools.forget(&self.node, self.kind);
    }
}

/// The metrics of one shard of a node.
#[derive(Debug, Clone)]
pub struct ShardMetrics {
    records: IntCounter,
    bytes: IntCounter,
    throttled: IntCounter,
    backlog: IntGauge,
    oldest_age: Gauge,
}

impl ShardMetrics {
    pub fn accepted(&self, records: u64, bytes: u64) {
        self.records.inc_by(records);
        self.bytes.inc_by(bytes);
    }
    pub fn throttled(&self) {
        self.throttled.inc();
    }
    pub fn show_backlog(&self, records: u64, oldest_age_seconds: f64) {
        self.backlog.set(i64::try_from(records).unwrap_or(i64::MAX));
        self.oldest_age.set(oldest_age_seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_named_once_and_rendered() {
        let metrics = Metrics::new();
        let node = metrics.node("trips", "stream");
        node.shard(0).accepted(3, 300);
        node.pool().show_workers(2, 1, 1, 0, 1);
        let text = metrics.render();
        assert!(
            text.contains("caudal_records_total{kind=\"stream\",node=\"trips\",shard=\"0\"} 3"),
            "{text}"
        );
        assert!(text.contains("caudal_flush_duration_seconds"), "{text}");
    }

    #[test]
    fn a_node_that_has_left_is_shown_no_more_and_what_it_counted_stays() {
        let metrics = Metrics::new();
        let node = metrics.node("trips", "raw");
        (0..3).for_each(|shard| node.shard(shard).show_backlog(7, 1.0));
        node.pool().show_workers(2, 1, 1, 0, 1);
        node.show_waiting(7, 1.0);
        node.shard(0).accepted(3, 300);
        node.forget();
        let text = metrics.render();
        assert!(
            !text.contains("caudal_backlog_records{") && !text.contains("caudal_workers_desired{"),
            "{text}"
        );
        assert!(text.contains("caudal_records_total{kind=\"raw\",node=\"trips\",shard=\"0\"} 3"), "{text}");
    }
}
