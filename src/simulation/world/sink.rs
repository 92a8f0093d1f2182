//! What the workers write to.

/// Takes so many records in a tick.
#[derive(Debug)]
pub(super) struct Sink {
    /// Records in a tick; absent: any number.
    limit: Option<f64>,
    credit: f64,
}

impl Sink {
    /// `limit` in records per second.
    pub fn new(limit: Option<f64>, tick_seconds: f64) -> Self {
        Self { limit: limit.map(|limit| limit.max(0.0) * tick_seconds), credit: 0.0 }
    }

    /// A new tick: what was not used in the last one is lost, but for parts of a record.
    pub fn refill(&mut self) {
        if let Some(limit) = self.limit {
            self.credit = self.credit.min(1.0) + limit;
        }
    }

    /// How many of `records` it takes now.
    pub fn take(&mut self, records: u64) -> u64 {
        if self.limit.is_none() {
            return records;
        }
        let taken = records.min(self.credit.max(0.0) as u64);
        self.credit -= taken as f64;
        taken
    }
}
