//! The metrics of autoscaled pools.

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use std::sync::Arc;

const NODE: [&str; 2] = ["node", "kind"];

/// The metrics of one pool, resolved once; cheap to clone.
#[derive(Debug, Clone)]
pub struct PoolMetrics {
    node: Arc<str>,
    desired: IntGauge,
    in_service: IntGauge,
    pending: IntGauge,
    draining: IntGauge,
    protected: IntGauge,
    scale_outs: IntCounter,
    scale_ins: IntCounter,
    reversals: IntCounter,
    arrivals: Gauge,
    per_worker: Gauge,
    wanted: Gauge,
}

/// The same of all pools, by node.
#[derive(Debug)]
pub(super) struct PoolFamilies {
    desired: IntGaugeVec,
    in_service: IntGaugeVec,
    pending: IntGaugeVec,
    draining: IntGaugeVec,
    protected: IntGaugeVec,
    scale_outs: IntCounterVec,
    scale_ins: IntCounterVec,
    reversals: IntCounterVec,
    arrivals: GaugeVec,
    per_worker: GaugeVec,
    wanted: GaugeVec,
}

#[expect(clippy::expect_used, reason = "names are constants, checked by a test")]
fn valid<T>(metric: prometheus::Result<T>) -> T {
    metric.expect("valid metric")
}

fn counters(name: &str, help: &str) -> IntCounterVec {
    valid(IntCounterVec::new(Opts::new(name, help), &NODE))
}

fn gauges(name: &str, help: &str) -> IntGaugeVec {
    valid(IntGaugeVec::new(Opts::new(name, help), &NODE))
}

fn rates(name: &str, help: &str) -> GaugeVec {
    valid(GaugeVec::new(Opts::new(name, help), &NODE))
}

impl PoolFamilies {
    pub(super) fn new() -> Self {
        Self {
            desired: gauges("caudal_workers_desired", "workers ordered"),
            in_service: gauges("caudal_workers_in_service", "workers that can work"),
            pending: gauges("caudal_workers_pending", "workers started that cannot work yet"),
            draining: gauges("caudal_workers_draining", "workers that finish what they hold"),
            protected: gauges("caudal_workers_protected", "workers kept from scale-in while they are busy"),
            scale_outs: counters("caudal_scale_outs_total", "orders of more workers"),
            scale_ins: counters("caudal_scale_ins_total", "orders of fewer workers"),
            reversals: counters(
                "caudal_scale_reversals_total",
                "orders against the direction of the one before",
            ),
            arrivals: rates("caudal_arrivals_per_second", "records that arrive at a pool, as learned"),
            per_worker: rates(
                "caudal_worker_records_per_second",
                "records one busy worker finishes, as learned",
            ),
            wanted: rates("caudal_workers_wanted", "workers that arrivals need, before bounds and patience"),
        }
    }

    pub(super) fn register(&self, registry: &Registry) {
        let all: [Box<dyn prometheus::core::Collector>; 11] = [
            Box::new(self.desired.clone()),
            Box::new(self.in_service.clone()),
            Box::new(self.pending.clone()),
            Box::new(self.draining.clone()),
            Box::new(self.protected.clone()),
            Box::new(self.scale_outs.clone()),
            Box::new(self.scale_ins.clone()),
            Box::new(self.reversals.clone()),
            Box::new(self.arrivals.clone()),
            Box::new(self.per_worker.clone()),
            Box::new(self.wanted.clone()),
        ];
        for metric in all {
            valid(registry.register(metric));
        }
    }

    pub(super) fn pool(&self, node: &Arc<str>, kind: &str) -> PoolMetrics {
        let labels = [&**node, kind];
        PoolMetrics {
            node: Arc::clone(node),
            desired: self.desired.with_label_values(&labels),
            in_service: self.in_service.with_label_values(&labels),
            pending: self.pending.with_label_values(&labels),
            draining: self.draining.with_label_values(&labels),
            protected: self.protected.with_label_values(&labels),
            scale_outs: self.scale_outs.with_label_values(&labels),
            scale_ins: self.scale_ins.with_label_values(&labels),
            reversals: self.reversals.with_label_values(&labels),
            arrivals: self.arrivals.with_label_values(&labels),
            per_worker: self.per_worker.with_label_values(&labels),
            wanted: self.wanted.with_label_values(&labels),
        }
    }

    /// A pool that has gone is shown no more.
    pub(super) fn forget(&self, node: &str, kind: &str) {
        let labels = [node, kind];
        let gauges = [&self.desired, &self.in_service, &self.pending, &self.draining, &self.protected];
        // What was never shown cannot be removed; that is as good.
        gauges.iter().for_each(|gauge| drop(gauge.remove_label_values(&labels)));
        let rates = [&self.arrivals, &self.per_worker, &self.wanted];
        rates.iter().for_each(|rate| drop(rate.remove_label_values(&labels)));
    }
}

impl PoolMetrics {
    pub fn node(&self) -> &str {
        &self.node
    }

    pub fn show_workers(&self, desired: u32, in_service: u32, pending: u32, draining: u32, protected: u32) {
        self.desired.set(i64::from(desired));
        self.in_service.set(i64::from(in_service));
        self.pending.set(i64::from(pending));
        self.draining.set(i64::from(draining));
        self.protected.set(i64::from(protected));
    }

    pub fn show_learned(&self, arrivals: f64, per_worker: Option<f64>, wanted: f64) {
        self.arrivals.set(arrivals);
        self.per_worker.set(per_worker.unwrap_or(0.0));
        self.wanted.set(wanted);
    }

    pub fn scaled(&self, from: u32, to: u32) {
        let orders = if to > from { &self.scale_outs } else { &self.scale_ins };
        orders.inc();
    }

    /// An order went against the direction of the one before.
    pub fn reversed(&self) {
        self.reversals.inc();
    }
}
