//! How fast records arrive: the mean since the rate last changed.
//!
//! A window grows while the rate is steady, so that the mean becomes exact, and is cut when what
//! its newest seconds say departs from the rest by more than chance (a generalised likelihood ratio test over
//! suffixes of the window). Chance is counted from the arrivals themselves: records that come in
//! batches vary more than single ones.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Longest window. Older seconds say little of the present.
const LONGEST: f64 = 600.0;
/// A sample holds at least so much time; shorter ones are joined.
const SHORTEST: Duration = Duration::from_millis(500);
/// Lengths of suffixes that are compared with the rest of the window, in seconds.
const SUFFIXES: [f64; 12] = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 89.0, 144.0, 233.0];
/// Standard deviations by which a suffix must depart.
const SIGMAS: f64 = 4.0;
/// Share of the rate by which a suffix must depart.
const DEPARTURE: f64 = 0.10;
/// Least events, in units of the usual batch, that make a change.
const LEAST_EVENTS: f64 = 6.0;
/// Samples over which the dispersion of counts is averaged.
const DISPERSION_SAMPLES: f64 = 60.0;
/// A trend counts when its slope is so many times its standard error.
const TREND_SIGMAS: f64 = 3.0;
const TREND_SECONDS: f64 = 12.0;

#[derive(Debug, Clone, Copy)]
struct Sample {
    seconds: f64,
    records: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Total {
    seconds: f64,
    records: f64,
}

impl Total {
    fn add(&mut self, sample: Sample) {
        self.seconds += sample.seconds;
        self.records += sample.records;
    }

    fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.records / self.seconds } else { 0.0 }
    }
}

/// Arrivals of one pool.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Counter and time of the last sample.
    last: Option<(Instant, u64)>,
    /// Samples since the rate last changed, the newest last.
    window: VecDeque<Sample>,
    /// The newest sample, while it is far above the others and may be one batch.
    suspect: Option<Sample>,
    /// Variance over mean of the records of a second, less one.
    excess_dispersion: f64,
    previous: Option<Sample>,
}

impl Arrivals {
    /// Begins with a rate known from before, which gives way as soon as arrivals speak against it.
    pub fn recall(&mut self, per_second: f64) {
        let seconds = 20.0;
        self.window = VecDeque::from([Sample { seconds, records: per_second.max(0.0) * seconds }]);
    }

    /// Takes in the counter of records that ever arrived. A counter that went back begins anew.
    pub fn learn(&mut self, now: Instant, arrived: u64) {
        let Some((at, before)) = self.last else {
            self.last = Some((now, arrived));
            return;
        };
        let elapsed = now.saturating_duration_since(at);
        if elapsed < SHORTEST && arrived >= before {
            return;
        }
        self.last = Some((now, arrived));
        let Some(records) = arrived.checked_sub(before) else { return };
        self.take(Sample { seconds: elapsed.as_secs_f64(), records: records as f64 });
    }

    fn take(&mut self, newest: Sample) {
        self.measure_dispersion(newest);
        if let Some(suspect) = self.suspect.take() {
            let calm = self.total();
            if self.departs(Total { seconds: newest.seconds, records: newest.records }, calm).is_some() {
                self.window.push_back(suspect);
            }
        }
        self.window.push_back(newest);
        self.prune();
        let Some(cut) = self.change() else { return };
        if cut == 1 && self.window.len() > 1 && newest.records > 0.0 && self.rises(newest) {
            self.suspect = self.window.pop_back();
            return;
        }
        let excess = self.window.len().saturating_sub(cut);
        self.window.drain(..excess);
    }

    fn rises(&self, newest: Sample) -> bool {
        let mut rest = self.total();
        rest.seconds -= newest.seconds;
        rest.records -= newest.records;
        newest.records / newest.seconds > rest.rate()
    }

    fn prune(&mut self) {
        let mut seconds = self.total().seconds;
        while seconds > LONGEST && self.window.len() > 1 {
            seconds -= self.window.pop_front().map_or(0.0, |oldest| oldest.seconds);
        }
    }

    fn measure_dispersion(&mut self, newest: Sample) {
        let Some(previous) = self.previous.replace(newest) else { return };
        let (one, other) = (previous.records / previous.seconds, newest.records / newest.seconds);
        let mean = (previous.records + newest.records) / (previous.seconds + newest.seconds);
        if mean <= 0.0 {
            return;
        }
        let square = (one - other).powi(2) / (mean * (1.0 / previous.seconds + 1.0 / newest.seconds));
        // A step of the rate or one batch must not pass for the usual.
        let bounded = square.min(9.0 * self.dispersion());
        self.excess_dispersion += (bounded - 1.0 - self.excess_dispersion) / DISPERSION_SAMPLES;
    }

    /// Variance over mean of the records of a second; one for records that come singly and at random.
    pub fn dispersion(&self) -> f64 {
        1.0 + self.excess_dispersion.max(0.0)
    }

    fn total(&self) -> Total {
        let mut total = Total::default();
        self.window.iter().for_each(|sample| total.add(*sample));
        total
    }

    /// The number of newest samples that belong to another rate than those before them.
    fn change(&self) -> Option<usize> {
        let whole = self.total();
        let mut newest = Total::default();
        let mut suffixes = SUFFIXES.into_iter().peekable();
        let mut found: Option<(f64, usize)> = None;
        for (index, sample) in self.window.iter().rev().enumerate() {
            newest.add(*sample);
            if suffixes.peek().is_none_or(|length| newest.seconds < *length - 0.2) {
                continue;
            }
            while suffixes.next_if(|length| newest.seconds >= *length - 0.2).is_some() {}
            let rest =
                Total { seconds: whole.seconds - newest.seconds, records: whole.records - newest.records };
            if let Some(sigmas) = self.departs(newest, rest)
                && found.is_none_or(|(most, _)| sigmas > most)
            {
                found = Some((sigmas, index + 1));
            }
        }
        found.map(|(_, samples)| samples)
    }

    /// By how many standard deviations, if by enough to be another rate.
    fn departs(&self, newest: Total, rest: Total) -> Option<f64> {
        if rest.seconds <= 0.0 || newest.seconds <= 0.0 {
            return None;
        }
        let pooled = (newest.records + rest.records) / (newest.seconds + rest.seconds);
        let variance = self.dispersion() * pooled * (1.0 / newest.seconds + 1.0 / rest.seconds);
        let difference = (newest.rate() - rest.rate()).abs();
        let events = (newest.records - rest.rate() * newest.seconds).abs();
        let sigmas = difference / variance.sqrt().max(f64::MIN_POSITIVE);
        let is_change = sigmas > SIGMAS
            && difference > DEPARTURE * rest.rate()
            && events > LEAST_EVENTS * self.dispersion();
        is_change.then_some(sigmas)
    }

    /// Records per second now.
    pub fn rate(&self) -> f64 {
        self.total().rate()
    }

    /// Standard error of [`rate`](Self::rate).
    pub fn error(&self) -> f64 {
        let total = self.total();
        if total.seconds <= 0.0 {
            return 0.0;
        }
        (self.dispersion() * total.rate() / total.seconds).sqrt()
    }

    /// Records per second `ahead` from now, where the rate keeps rising; never below the rate now.
    pub fn forecast(&self, ahead: Duration) -> f64 {
        let total = self.total();
        let rate = total.rate();
        if total.seconds < TREND_SECONDS || self.window.len() < 4 {
            return rate;
        }
        let (mut passed, mut weighted, mut square) = (0.0, 0.0, 0.0);
        for sample in &self.window {
            let middle = passed + sample.seconds / 2.0 - total.seconds / 2.0;
            weighted += middle * sample.records;
            square += middle * middle * sample.seconds;
            passed += sample.seconds;
        }
        if square <= 0.0 {
            return rate;
        }
        let slope = weighted / square;
        let error = (self.dispersion() * rate / square).sqrt();
        if slope < TREND_SIGMAS * error {
            return rate;
        }
        rate + slope * (total.seconds / 2.0 + ahead.as_secs_f64())
    }
}
