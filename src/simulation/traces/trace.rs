//! A trace, and how one is composed.

use super::generator::Generator;
use crate::simulation::PoolModel;

/// Records per second that the default pool finishes at most: 200 workers, 0.1 s for each record.
const DEFAULT_CAPACITY: f64 = 2_000.0;

/// Records that arrive in each second of a run, evenly within the second.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub name: String,
    /// Records expected in each second: the load without its noise. What is *needed* is reckoned from it.
    pub expected: Vec<f64>,
    /// Records that do arrive.
    pub arrivals: Vec<u64>,
    /// What the sink takes in this trace, records per second.
    pub sink_limit: Option<f64>,
}

impl Trace {
    /// Length in seconds.
    pub fn seconds(&self) -> usize {
        self.arrivals.len()
    }

    pub fn records(&self) -> u64 {
        self.arrivals.iter().sum()
    }
}

/// What rates for the default pool are multiplied by for another one.
pub(super) fn factor(model: &PoolModel) -> f64 {
    f64::from(model.max.max(1)) * model.rate() / DEFAULT_CAPACITY
}

/// How far the arrivals of a second are from what is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// Standard deviation of the rate itself from second to second, as a share; counting noise comes on top.
    pub roughness: f64,
}

impl Noise {
    /// Independent arrivals: Poisson, and nothing else.
    pub const COUNTING: Self = Self { roughness: 0.0 };
}

/// The load of a trace to be, second by second.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    expected: Vec<f64>,
    /// Arrivals above the load, all at once: they come exactly.
    batches: Vec<(usize, u64)>,
}

impl Shape {
    pub fn seconds(&self) -> usize {
        self.expected.len()
    }

    pub fn hold(mut self, rate: f64, seconds: usize) -> Self {
        self.expected.extend(std::iter::repeat_n(rate, seconds));
        self
    }

    /// From the last rate to another one in a straight line.
    pub fn ramp(mut self, to: f64, seconds: usize) -> Self {
        let from = self.expected.last().copied().unwrap_or(0.0);
        let at = |second: usize| from + (to - from) * (second + 1) as f64 / seconds as f64;
        self.expected.extend((0..seconds).map(at));
        self
    }

    /// So many records within the next second, above a rate.
    pub fn batch(mut self, records: u64, rate: f64) -> Self {
        self.batches.push((self.expected.len(), records));
        self.hold(rate, 1)
    }

    /// The same rates `factor` times as high, for another pool.
    pub fn scaled(mut self, factor: f64) -> Self {
        self.expected.iter_mut().for_each(|rate| *rate *= factor);
        let batch = |records: u64| (records as f64 * factor).round() as u64;
        self.batches.iter_mut().for_each(|(_, records)| *records = batch(*records));
        self
    }

    pub fn cut(mut self, seconds: usize) -> Self {
        self.expected.truncate(seconds);
        self
    }

    /// The trace, its arrivals drawn from a seed.
    pub fn trace(mut self, name: &str, noise: Noise, seed: u64) -> Trace {
        let mut generator = Generator::new(seed);
        let mut draw = |rate: f64| {
            let rough = if noise.roughness > 0.0 { 1.0 + noise.roughness * generator.normal() } else { 1.0 };
            generator.poisson((rate * rough).max(0.0))
        };
        let mut arrivals: Vec<u64> = self.expected.iter().map(|rate| draw(*rate)).collect();
        for (second, records) in &self.batches {
            if let (Some(arrivals), Some(expected)) =
                (arrivals.get_mut(*second), self.expected.get_mut(*second))
            {
                *arrivals += records;
                *expected += *records as f64;
            }
        }
        Trace { name: name.to_owned(), expected: self.expected, arrivals, sink_limit: None }
    }
}
