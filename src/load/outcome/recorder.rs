//! Latencies as they are measured: a histogram of bounded size and error.

use super::Latency;
use hdrhistogram::Histogram;
use std::time::Duration;

/// Bounds of what is told apart, microseconds. What is outside of them counts as the nearest.
const LEAST: u64 = 1;
const MOST: u64 = 3_600_000_000;
/// Values that agree in so many digits may be one.
const DIGITS: u8 = 3;
const MICROSECONDS: f64 = 1e6;

/// Counts latencies from 1 µs to 1 h with an error of at most one in a thousand, in at most 200 KB.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    /// Made with the first value: of many recorders, most of an idle second stay empty.
    histogram: Option<Histogram<u64>>,
}

impl Recorder {
    pub fn record(&mut self, latency: Duration) {
        self.count(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX), 1);
    }

    fn count(&mut self, microseconds: u64, times: u64) {
        if self.histogram.is_none() {
            // These bounds are ones that the crate takes.
            self.histogram = Histogram::new_with_bounds(LEAST, MOST, DIGITS).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record_n(microseconds.clamp(LEAST, MOST), times);
        }
    }

    /// Takes over what another has counted.
    pub fn join(&mut self, other: &Self) {
        let Some(others) = other.histogram.as_ref().filter(|others| !others.is_empty()) else { return };
        match &mut self.histogram {
            Some(own) => {
                // Both have the same bounds, so nothing is refused.
                let _ = own.add(others);
            }
            None => self.histogram = Some(others.clone()),
        }
    }

    /// Begins anew, in the memory that is there.
    pub fn clear(&mut self) {
        if let Some(histogram) = &mut self.histogram {
            histogram.reset();
        }
    }

    pub fn is_empty(&self) -> bool {
        self.histogram.as_ref().is_none_or(Histogram::is_empty)
    }

    /// What was counted since the beginning; all zero when that is nothing.
    pub fn latency(&self) -> Latency {
        let Some(histogram) = self.histogram.as_ref().filter(|counted| !counted.is_empty()) else {
            return Latency::default();
        };
        let seconds = |microseconds: u64| microseconds as f64 / MICROSECONDS;
        let at = |quantile: f64| seconds(histogram.value_at_quantile(quantile).min(histogram.max()));
        Latency {
            count: histogram.len(),
            mean: histogram.mean() / MICROSECONDS,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: seconds(histogram.max()),
            counts: histogram
                .iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_since_last_iteration()))
                .collect(),
        }
    }
}

impl From<&Latency> for Recorder {
    fn from(latency: &Latency) -> Self {
        let mut recorder = Self::default();
        for (microseconds, times) in &latency.counts {
            recorder.count(*microseconds, *times);
        }
        recorder
    }
}

impl Latency {
    /// The latencies of several parts as those of one, from their counts.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Recorder::default();
        for part in parts {
            all.join(&Recorder::from(part));
        }
        all.latency()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn recorded(microseconds: impl IntoIterator<Item = u64>) -> Recorder {
        let mut recorder = Recorder::default();
        for value in microseconds {
            recorder.record(Duration::from_micros(value));
        }
        recorder
    }

    #[test]
    fn percentiles_are_within_a_thousandth_of_the_sorted_values() {
        let mut random = StdRng::seed_from_u64(7);
        let mut values: Vec<u64> =
            (0..20_000).map(|_| 10_u64.pow(random.random_range(1..8)) * random.random_range(1..10)).collect();
        let latency = recorded(values.iter().copied()).latency();
        values.sort_unstable();
        let shares = [(0.5, latency.p50), (0.9, latency.p90), (0.99, latency.p99), (0.999, latency.p999)];
        for (share, told) in shares.into_iter().chain([(1.0, latency.max)]) {
            let rank = (values.len() as f64 * share).ceil() as usize;
            let exact = values[rank - 1] as f64 / MICROSECONDS;
            assert!((told - exact).abs() <= exact / 1_000.0, "{share}: {told} instead of {exact}");
        }
        let mean = values.iter().sum::<u64>() as f64 / values.len() as f64 / MICROSECONDS;
        assert!((latency.mean - mean).abs() <= mean / 1_000.0);
    }

    #[test]
    fn what_is_out_of_bounds_counts_as_the_nearest() {
        let mut recorder = recorded([0]);
        recorder.record(Duration::MAX);
        let latency = recorder.latency();
        assert_eq!(latency.count, 2);
        assert_eq!(latency.p50, 1e-6);
        assert!((latency.max - 3_600.0).abs() < 3.6, "{}", latency.max);
    }

    #[test]
    fn nothing_counted_is_all_zero() {
        assert_eq!(Recorder::default().latency(), Latency::default());
        let mut recorder = recorded([5]);
        recorder.clear();
        assert!(recorder.is_empty());
        assert_eq!(recorder.latency(), Latency::default());
    }

    #[test]
    fn parts_joined_tell_what_one_recorder_of_all_would_tell() {
        let (fast, slow) = (recorded(100..400), recorded((100..400).map(|value| value * 1_000)));
        let all = recorded((100..400).chain((100..400).map(|value| value * 1_000)));
        let mut joined = fast.clone();
        joined.join(&slow);
        joined.join(&Recorder::default());
        assert_eq!(joined.latency(), all.latency());
        assert_eq!(Latency::joined([&fast.latency(), &slow.latency()]), all.latency());
    }
}
