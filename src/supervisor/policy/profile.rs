//! How arrivals go up and down within a period, such as a day: at most 1,440 numbers, however long
//! the pool runs.

use super::Moment;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, time::Duration};

/// Parts of a period: minutes, of a day.
const MOST_PARTS: u64 = 1440;
/// Parts are no shorter than this.
const SHORTEST: Duration = Duration::from_secs(10);
/// Weight of the newest period against all before it.
const WEIGHT: f64 = 0.5;
/// Weight of the newest part in the error of forecasts.
const ERROR_WEIGHT: f64 = 0.05;
/// Newest parts that today's level is taken from.
const LEVEL_PARTS: usize = 15;
/// Today is not taken to be further from the usual than this factor.
const MOST_LEVEL: f64 = 3.0;

/// What is kept of a profile across a restart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub period_ms: u64,
    /// Time that has been observed.
    pub observed_ms: u64,
    /// Records per second in each part of the period; below zero where nothing is known.
    pub rates: Vec<f32>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    index: usize,
    seconds: f64,
    records: f64,
}

/// The profile of one pool's arrivals.
#[derive(Debug)]
pub(super) struct Profile {
    period: Duration,
    step: Duration,
    rates: Vec<Option<f64>>,
    observed: Duration,
    current: Option<Part>,
    last: Option<(Moment, u64)>,
    /// Forecast and found rates of the newest parts.
    level: VecDeque<(f64, f64)>,
    error: Option<f64>,
}

impl Profile {
    pub fn new(period: Duration) -> Self {
        let period = period.max(SHORTEST);
        let parts = (period.as_secs() / SHORTEST.as_secs()).clamp(1, MOST_PARTS);
        let step = period / u32::try_from(parts).unwrap_or(1);
        let rates = vec![None; usize::try_from(parts).unwrap_or(1)];
        Self {
            period,
            step,
            rates,
            observed: Duration::ZERO,
            current: None,
            last: None,
            level: VecDeque::new(),
            error: None,
        }
    }

    pub fn step(&self) -> Duration {
        self.step
    }

    /// Time that has been observed, over all runs.
    pub fn history(&self) -> Duration {
        self.observed
    }

    /// Mean share by which forecasts were off, once some could be compared.
    pub fn error(&self) -> Option<f64> {
        self.error
    }

    fn index(&self, time: Timestamp) -> usize {
        let milliseconds = i128::from(time.as_millisecond());
        let period = i128::try_from(self.period.as_millis()).unwrap_or(1).max(1);
        let step = i128::try_from(self.step.as_millis()).unwrap_or(1).max(1);
        let index = usize::try_from(milliseconds.rem_euclid(period) / step).unwrap_or(0);
        index.min(self.rates.len().saturating_sub(1))
    }

    /// Takes in the counter of records that ever arrived.
    pub fn learn(&mut self, now: Moment, arrived: u64) {
        let Some((then, before)) = self.last.replace((now, arrived)) else { return };
        let elapsed = now.instant.saturating_duration_since(then.instant);
        // A gap or a counter that went back says nothing of the parts in between.
        let Some(records) = arrived.checked_sub(before).filter(|_| elapsed < self.step) else {
            self.current = None;
            return;
        };
        self.observed += elapsed;
        let index = self.index(now.wall);
        if self.current.is_some_and(|part| part.index != index) {
            self.close();
        }
        let part = self.current.get_or_insert(Part { index, seconds: 0.0, records: 0.0 });
        part.seconds += elapsed.as_secs_f64();
        part.records += records as f64;
    }

    fn close(&mut self) {
        let Some(part) = self.current.take().filter(|part| part.seconds > 0.0) else { return };
        let level = self.today();
        let Some(rate) = self.rates.get_mut(part.index) else { return };
        let found = part.records / part.seconds;
        let Some(usual) = *rate else {
            *rate = Some(found);
            return;
        };
        let forecast = usual * level;
        let error = (forecast - found).abs() / forecast.max(found).max(f64::MIN_POSITIVE);
        let before = self.error.unwrap_or(error);
        self.error = Some(before + (error - before) * ERROR_WEIGHT);
        *rate = Some(usual + (found - usual) * WEIGHT);
        self.level.push_back((usual, found));
        while self.level.len() > LEVEL_PARTS {
            self.level.pop_front();
        }
    }

    /// Today over the usual, from the newest parts.
    fn today(&self) -> f64 {
        let usual: f64 = self.level.iter().map(|(usual, _)| usual).sum();
        let found: f64 = self.level.iter().map(|(_, found)| found).sum();
        if usual <= 0.0 { 1.0 } else { (found / usual).clamp(1.0 / MOST_LEVEL, MOST_LEVEL) }
    }

    /// Records per second at a time to come; absent where that part of the period has not been seen.
    pub fn forecast(&self, at: Timestamp) -> Option<f64> {
        let usual = *self.rates.get(self.index(at))?;
        Some(usual? * self.today())
    }

    pub fn remember(&self) -> History {
        let milliseconds = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        History {
            period_ms: milliseconds(self.period),
            observed_ms: milliseconds(self.observed),
            rates: self.rates.iter().map(|rate| rate.map_or(-1.0, |rate| rate as f32)).collect(),
        }
    }

    /// Takes up a history of the same period; says whether it did.
    pub fn recall(&mut self, history: &History) -> bool {
        let fits = u128::from(history.period_ms) == self.period.as_millis()
            && history.rates.len() == self.rates.len();
        if fits {
            let known = |rate: &f32| (rate.is_finite() && *rate >= 0.0).then(|| f64::from(*rate));
            self.rates = history.rates.iter().map(known).collect();
            self.observed = Duration::from_millis(history.observed_ms);
        }
        fits
    }
}
