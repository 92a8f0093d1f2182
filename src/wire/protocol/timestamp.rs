//! A point in time as AWS has it: to the millisecond.

/// Milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// Whole milliseconds are exact in a double up to here (some 285,000 years).
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Timestamp {
    /// Seconds since 1970 with a fraction, as JSON has them.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// `None` for what is no number, or too far away to be told to the millisecond.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let milliseconds = (seconds * 1_000.0).round();
        (milliseconds.abs() <= EXACT).then_some(Self(milliseconds as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_come_back_and_nonsense_does_not() {
        for milliseconds in [0, 1, -1, 1_459_799_926_480, 253_402_300_799_999] {
            let time = Timestamp(milliseconds);
            assert_eq!(Timestamp::from_seconds(time.seconds()), Some(time));
        }
        for nonsense in [f64::NAN, f64::INFINITY, -1e300] {
            assert_eq!(Timestamp::from_seconds(nonsense), None);
        }
    }
}
