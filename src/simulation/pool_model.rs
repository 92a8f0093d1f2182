//! The pool that is simulated.

use std::time::Duration;

/// A pool whose workers all take the same known time for a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolModel {
    /// Time that a worker needs for one record.
    pub service: Duration,
    /// Time from the order of a worker to its first record.
    pub start: Duration,
    /// Fewest workers.
    pub min: u32,
    /// Most workers.
    pub max: u32,
    /// Workers in service when a run begins. Absent: `min`.
    pub first: Option<u32>,
    /// Most workers that the source can use, such as the shards of a stream. Absent: any number.
    pub limit: Option<u32>,
    /// The oldest record should stay younger than this.
    pub goal: Duration,
    /// What the workers write to takes no more than this, records per second. Absent: any number.
    pub sink_limit: Option<f64>,
}

impl Default for PoolModel {
    /// 1 to 200 workers that start in 5 s and take 0.1 s for a record, with a goal of 10 s.
    fn default() -> Self {
        Self {
            service: Duration::from_millis(100),
            start: Duration::from_secs(5),
            min: 1,
            max: 200,
            first: None,
            limit: None,
            goal: Duration::from_secs(10),
            sink_limit: None,
        }
    }
}

impl PoolModel {
    /// Workers in service when a run begins.
    pub fn first(&self) -> u32 {
        self.first.unwrap_or(self.min).clamp(self.min, self.max.max(self.min))
    }

    /// Records per second of one busy worker.
    pub fn rate(&self) -> f64 {
        1.0 / self.service.as_secs_f64().max(1e-9)
    }

    /// Workers that `arrivals` records per second keep busy for a share of `load` of their time: between
    /// `min` and `max`, and no more than the sink keeps busy all the time.
    pub fn needed(&self, arrivals: f64, load: f64) -> f64 {
        let wanted = arrivals / load;
        let useful = self.sink_limit.map_or(wanted, |limit| wanted.min(limit));
        (useful / self.rate()).clamp(f64::from(self.min), f64::from(self.max.max(self.min)))
    }
}
