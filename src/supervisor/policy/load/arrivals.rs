//! How fast records arrive: the mean since the rate last changed.
//!
//! A window grows while the rate is steady, so that the mean becomes exact, and is cut when what
//! its newest seconds say departs from the rest by more than chance (a generalised likelihood ratio test over
//! suffixes of the window). Chance is learned from the arrivals themselves; see [`Noise`].

use super::{
    counts::{Count, Total},
    hazard::Hazard,
    noise::Noise,
    onset, trend,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Longest window. Older seconds say little of the present.
const LONGEST: f64 = 600.0;
/// A sample holds at least so much time; shorter ones are joined.
const SHORTEST: Duration = Duration::from_millis(500);
/// Newest samples that are kept whatever the rate was.
const RECENT_SAMPLES: usize = 121;
/// Suffixes that are compared with the rest of the window: their lengths in seconds, and the standard deviations
/// by which they must depart where the rate seldom changes. Short ones are looked at more often, so they must depart
/// by more for the same false alarms: about one in twenty hours for each length.
const SUFFIXES: [(f64, f64); 12] = [
    (1.0, 5.3),
    (2.0, 5.0),
    (3.0, 4.9),
    (5.0, 4.8),
    (8.0, 4.6),
    (13.0, 4.4),
    (21.0, 4.2),
    (34.0, 4.0),
    (55.0, 3.85),
    (89.0, 3.65),
    (144.0, 3.35),
    (233.0, 3.1),
];
/// Standard deviations by which a single sample is suddenly above the others, and by which the next confirms it.
const SUDDEN_SIGMAS: f64 = 4.8;
const CONFIRMED_SIGMAS: f64 = 3.0;
/// Seconds from which a suffix counts that departs by less: for what the rate is at least, so many standard errors
/// below its mean.
const LATELY: f64 = 30.0;
const LATELY_SIGMAS: f64 = 1.5;
/// Share of the rate by which a suffix must depart.
const DEPARTURE: f64 = 0.05;
/// Least events, in units of the usual batch, that make a change.
const LEAST_EVENTS: f64 = 6.0;
/// Samples from which on there is an error of the rate: what chance is must be known first.
const FEWEST_SAMPLES: usize = 10;
/// Only a rate known from before a longer break counts, and for no more than so many seconds.
const SHORT_BREAK: Duration = Duration::from_secs(60);
const RECALLED: f64 = 120.0;
/// Samples of the window that are older than the newest ones are remembered so many in one.
const JOINED: usize = 8;

/// What is kept of arrivals across a restart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArrivalsMemory {
    /// Seconds and records of the newest samples.
    pub newest: Vec<(f32, f32)>,
    /// The same of those since the rate last changed.
    pub window: Vec<(f32, f32)>,
    /// The newest sample, while it may be one batch and is no part of these.
    pub suspect: Option<(f32, f32)>,
    /// How much they vary by chance, and how often their rate changes.
    pub noise: Noise,
    pub hazard: Hazard,
}

/// Arrivals of one pool.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Counter and time of the last sample.
    last: Option<(Instant, u64)>,
    /// Samples since the rate last changed, the newest last.
    window: VecDeque<Count>,
    /// The newest sample, while it is far above the others and may be one batch.
    suspect: Option<Count>,
    /// The newest samples, whatever the rate was.
    recent: VecDeque<Count>,
    noise: Noise,
    hazard: Hazard,
}

impl Arrivals {
    pub fn remember(&self) -> ArrivalsMemory {
        let joined = |samples: &[Count]| {
            let mut total = Total::default();
            samples.iter().for_each(|sample| total.add(*sample));
            (total.seconds as f32, total.records as f32)
        };
        let single = self.window.len().min(RECENT_SAMPLES);
        let older: Vec<Count> = self.window.iter().take(self.window.len() - single).copied().collect();
        let newer = self.window.iter().skip(older.len()).map(|sample| joined(&[*sample]));
        ArrivalsMemory {
            newest: self.recent.iter().map(|sample| joined(&[*sample])).collect(),
            window: older.chunks(JOINED).map(joined).chain(newer).collect(),
            suspect: self.suspect.map(|sample| joined(&[sample])),
            noise: self.noise,
            hazard: self.hazard,
        }
    }

    /// Takes up what was known `age` ago. After a longer break only the rate counts, which gives way as soon as
    /// arrivals speak against it.
    pub fn recall(&mut self, age: Duration, memory: &ArrivalsMemory) {
        let count = |(seconds, records): &(f32, f32)| {
            let (seconds, records) = (f64::from(*seconds), f64::from(*records));
            let is_count = seconds > 0.0 && records >= 0.0 && (seconds + records).is_finite();
            is_count.then_some(Count { seconds, records })
        };
        self.recent = memory.newest.iter().take(RECENT_SAMPLES).filter_map(count).collect();
        self.window = memory.window.iter().take(2 * RECENT_SAMPLES).filter_map(count).collect();
        self.suspect = memory.suspect.as_ref().and_then(count);
        if memory.noise.is_sound() {
            self.noise = memory.noise;
        }
        if memory.hazard.is_sound() {
            self.hazard = memory.hazard;
        }
        if age > SHORT_BREAK {
            let seconds = self.seconds().min(RECALLED);
            let known = Count { seconds, records: self.rate() * seconds };
            self.window = VecDeque::from([known]);
            self.window.retain(|known| known.seconds > 0.0);
            self.recent.clear();
            self.suspect = None;
        }
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
        self.take(Count { seconds: elapsed.as_secs_f64(), records: records as f64 });
    }

    fn take(&mut self, newest: Count) {
        // What is tested against chance has no part in what chance is taken to be.
        let mut known = self.recent.iter().rev();
        if let (Some(later), Some(earlier)) = (known.next(), known.next()) {
            self.noise.learn(*earlier, *later);
        }
        self.recent.push_back(newest);
        while self.recent.len() > RECENT_SAMPLES {
            self.recent.pop_front();
        }
        self.hazard.pass(newest.seconds);
        let calm = self.total();
        let above = |sigmas: f64| {
            newest.rate() > calm.rate() && self.departs(Total::of(newest), calm, sigmas).is_some()
        };
        let (is_confirmed, is_sudden) = (above(CONFIRMED_SIGMAS), above(SUDDEN_SIGMAS));
        match self.suspect.take() {
            Some(suspect) if is_confirmed => self.window.push_back(suspect),
            None if is_sudden => {
                self.suspect = Some(newest);
                return;
            }
            _ => {}
        }
        self.window.push_back(newest);
        self.prune();
        if let Some(cut) = self.change() {
            let excess = self.window.len().saturating_sub(cut);
            self.window.drain(..excess);
            self.hazard.note();
        }
    }

    fn prune(&mut self) {
        let mut seconds = self.seconds();
        while seconds > LONGEST && self.window.len() > 1 {
            seconds -= self.window.pop_front().map_or(0.0, |oldest| oldest.seconds);
        }
    }

    /// Variance over mean of a second's records at a rate; one for records that come singly and at random.
    pub fn dispersion(&self, rate: f64) -> f64 {
        self.noise.dispersion(rate)
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
            let mut least = None;
            while let Some((_, sigmas)) = suffixes.next_if(|(length, _)| newest.seconds >= length - 0.2) {
                least = Some(self.hazard.eased(sigmas));
            }
            let Some(least) = least else { continue };
            if let Some(sigmas) = self.departs(newest, whole.without(newest), least)
                && found.is_none_or(|(most, _)| sigmas > most)
            {
                found = Some((sigmas, index + 1));
            }
        }
        found.map(|(_, samples)| samples)
    }

    /// By how many standard deviations, if by more than `least` and enough to be another rate.
    fn departs(&self, newest: Total, rest: Total, least: f64) -> Option<f64> {
        if rest.seconds <= 0.0 || newest.seconds <= 0.0 {
            return None;
        }
        let pooled = (newest.records + rest.records) / (newest.seconds + rest.seconds);
        let dispersion = self.dispersion(pooled);
        let variance = dispersion * pooled * (1.0 / newest.seconds + 1.0 / rest.seconds);
        let difference = (newest.rate() - rest.rate()).abs();
        let events = (newest.records - rest.rate() * newest.seconds).abs();
        let sigmas = difference / variance.sqrt().max(f64::MIN_POSITIVE);
        let is_change =
            sigmas > least && difference > DEPARTURE * rest.rate() && events > LEAST_EVENTS * dispersion;
        is_change.then_some(sigmas)
    }

    /// Records per second now.
    pub fn rate(&self) -> f64 {
        self.total().rate()
    }

    /// Seconds that [`rate`](Self::rate) is the mean of.
    pub fn seconds(&self) -> f64 {
        self.total().seconds
    }

    /// Standard error of [`rate`](Self::rate); none as long as too few samples were seen to tell.
    pub fn error(&self) -> f64 {
        let total = self.total();
        if total.seconds <= 0.0 || self.recent.len() < FEWEST_SAMPLES {
            return 0.0;
        }
        (self.dispersion(total.rate()) * total.rate() / total.seconds).sqrt()
    }

    /// Records per second above the rate in the newest sample, while that may be one batch or more to come.
    pub fn sudden(&self) -> f64 {
        self.suspect.map_or(0.0, |suspect| (suspect.records / suspect.seconds - self.rate()).max(0.0))
    }

    /// Records per second `ahead` from now, where the rate keeps rising; never below the rate now.
    pub fn rising(&self, ahead: Duration) -> f64 {
        let rate = self.rate();
        if self.suspect.is_some() {
            return rate;
        }
        let then = trend::ahead(&self.recent, &self.noise, &self.hazard, ahead).unwrap_or(rate);
        let drifted = trend::drift(&self.window, &self.noise, ahead).unwrap_or(rate);
        let begun = onset::rising(&self.window, &self.noise, &self.hazard, ahead).unwrap_or(rate);
        rate.max(then).max(drifted).max(begun).max(self.lately())
    }

    /// What the newest seconds of the window say that the rate is at least, below what would cut the window.
    fn lately(&self) -> f64 {
        let mut newest = Total::default();
        let long = SUFFIXES.into_iter().filter(|(length, _)| *length >= LATELY);
        let mut suffixes = long.peekable();
        let mut most = 0.0_f64;
        for sample in self.window.iter().rev() {
            newest.add(*sample);
            while suffixes.next_if(|(length, _)| newest.seconds >= length - 0.2).is_some() {
                let rate = newest.rate();
                let error = (self.dispersion(rate) * rate / newest.seconds).sqrt();
                most = most.max(rate - LATELY_SIGMAS * error);
            }
        }
        most
    }
}
