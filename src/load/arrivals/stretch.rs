//! A rate that goes in a straight line.

/// A rate that goes in a straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    pub seconds: f64,
    /// Records per second at its begin and end.
    pub from: f64,
    pub to: f64,
}

impl Stretch {
    pub fn flat(seconds: f64, rate: f64) -> Self {
        Self { seconds, from: rate, to: rate }
    }

    /// Records in all.
    pub fn records(&self) -> f64 {
        self.seconds * (self.from + self.to) / 2.0
    }

    /// Seconds after which so many of its records were due: the root of `from t + slope t²/2 = records`, in the
    /// form that also holds without a slope.
    pub fn reaches(&self, records: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        let root = (self.from * self.from + 2.0 * slope * records).max(0.0).sqrt();
        (2.0 * records / (self.from + root)).clamp(0.0, self.seconds)
    }
}
