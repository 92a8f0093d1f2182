//! Records that have arrived by any time of a trace.

/// Sums of the arrivals of whole seconds; within a second records arrive evenly.
#[derive(Debug, Clone)]
pub(super) struct Cumulative {
    sums: Vec<f64>,
}

impl Cumulative {
    pub fn new(arrivals: &[u64]) -> Self {
        let mut sums = vec![0.0];
        let mut sum = 0.0;
        sums.extend(arrivals.iter().map(|count| {
            sum += *count as f64;
            sum
        }));
        Self { sums }
    }

    /// Records that have arrived until `time`, seconds; parts of a record too.
    pub fn at(&self, time: f64) -> f64 {
        if time <= 0.0 {
            return 0.0;
        }
        let second = time as usize;
        let last = self.sums.last().copied().unwrap_or_default();
        let Some(before) = self.sums.get(second) else { return last };
        let after = self.sums.get(second + 1).copied().unwrap_or(last);
        before + (after - before) * (time - second as f64)
    }

    /// Whole records that have arrived until `time`. Sums of whole numbers are exact; the slack is for `time`.
    pub fn whole_at(&self, time: f64) -> u64 {
        (self.at(time) + 1e-6) as u64
    }

    /// The time by which `records` had arrived; looked for from second `from` on, which comes back.
    pub fn time_of(&self, records: f64, from: usize) -> (f64, usize) {
        let mut second = from;
        while self.sums.get(second + 1).is_some_and(|sum| *sum <= records) {
            second += 1;
        }
        let before = self.sums.get(second).copied().unwrap_or_default();
        let after = self.sums.get(second + 1).copied().unwrap_or(before);
        let part = if after > before { ((records - before) / (after - before)).clamp(0.0, 1.0) } else { 0.0 };
        (second as f64 + part, second)
    }
}
