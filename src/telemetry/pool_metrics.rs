//! The metrics of autoscaled pools.

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use std::sync::Arc;

const NODE: [&str; 2] = ["node", "kind"];
const DECISION: [&str; 4] = ["node", "kind", "policy", "outcome"];

/// The metrics of one pool, resolved once; cheap to clone.
#[derive(Debug, Clone)]
pub struct PoolMetrics {
    node: Arc<str>,
    kind: Arc<str>,
    min: IntGauge,
    max: IntGauge,
    suspended: IntGauge,
    /// Of pools with a forecast only, and of each policy that decided.
    forecast: GaugeVec,
    decisions: IntCounterVec,
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
    min: IntGaugeVec,
    max: IntGaugeVec,
    suspended: IntGaugeVec,
    forecast: GaugeVec,
    decisions: IntCounterVec,
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

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    valid(IntCounterVec::new(Opts::new(name, help), labels))
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
            min: gauges("caudal_workers_min", "fewest workers, by the topology or a schedule"),
            max: gauges("caudal_workers_max", "most workers, by the topology or a schedule"),
            suspended: gauges("caudal_scaling_suspended", "1 while scaling is suspended by hand"),
            forecast: rates("caudal_workers_forecast", "workers that a predictive policy forecasts"),
            decisions: counters(
                "caudal_scaling_decisions_total",
                "decisions by the policy behind them; outcome: out, in, or observed and not carried out",
                &DECISION,
            ),
            desired: gauges("caudal_workers_desired", "workers ordered"),
            in_service: gauges("caudal_workers_in_service", "workers that can work"),
            pending: gauges("caudal_workers_pending", "workers started that cannot work yet"),
            draining: gauges("caudal_workers_draining", "workers that finish what they hold"),
            protected: gauges("caudal_workers_protected", "workers kept from scale-in while they are busy"),
            scale_outs: counters("caudal_scale_outs_total", "orders of more workers", &NODE),
            scale_ins: counters("caudal_scale_ins_total", "orders of fewer workers", &NODE),
            reversals: counters(
                "caudal_scale_reversals_total",
                "orders against the direction of the one before",
                &NODE,
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
        let all: [Box<dyn prometheus::core::Collector>; 16] = [
            Box::new(self.min.clone()),
            Box::new(self.max.clone()),
            Box::new(self.suspended.clone()),
            Box::new(self.forecast.clone()),
            Box::new(self.decisions.clone()),
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
            kind: kind.into(),
            min: self.min.with_label_values(&labels),
            max: self.max.with_label_values(&labels),
            suspended: self.suspended.with_label_values(&labels),
            forecast: self.forecast.clone(),
            decisions: self.decisions.clone(),
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
        let workers = [&self.desired, &self.in_service, &self.pending, &self.draining, &self.protected];
        let gauges = workers.into_iter().chain([&self.min, &self.max, &self.suspended]);
        // What was never shown cannot be removed; that is as good.
        gauges.for_each(|gauge| drop(gauge.remove_label_values(&labels)));
        let rates = [&self.arrivals, &self.per_worker, &self.wanted, &self.forecast];
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

    /// The bounds in force, and whether anybody decides between them.
    pub fn show_bounds(&self, min: u32, max: u32, is_suspended: bool) {
        self.min.set(i64::from(min));
        self.max.set(i64::from(max));
        self.suspended.set(i64::from(is_suspended));
    }

    /// What a forecast needs; nothing is shown while there is none.
    pub fn show_forecast(&self, workers: Option<f64>) {
        let labels = [&*self.node, &*self.kind];
        match workers {
            Some(workers) => self.forecast.with_label_values(&labels).set(workers),
            // What is not shown cannot be removed; that is as good.
            None => drop(self.forecast.remove_label_values(&labels)),
        }
    }

    /// An order, by whoever decided.
    pub fn scaled(&self, from: u32, to: u32, policy: &str) {
        let (orders, outcome) = if to > from { (&self.scale_outs, "out") } else { (&self.scale_ins, "in") };
        orders.inc();
        self.decided(policy, outcome);
    }

    /// A decision of a pool that only observes.
    pub fn observed(&self, policy: &str) {
        self.decided(policy, "observed");
    }

    fn decided(&self, policy: &str, outcome: &str) {
        self.decisions.with_label_values(&[&*self.node, &*self.kind, policy, outcome]).inc();
    }

    /// An order went against the direction of the one before.
    pub fn reversed(&self) {
        self.reversals.inc();
    }
}
