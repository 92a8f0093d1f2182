//! Workers ahead of the load: the rates of the same minutes of earlier days, at today's level.

use super::{
    opinion::{Opinion, Situation, Voice},
    profile::Profile,
    quiet::Quiet,
    words::{number, whole},
};
use crate::pipeline::PredictivePolicy;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Share of a worker's time that forecast arrivals may take.
const UTILISATION: f64 = 0.8;
/// A forecast that is off by more than this share is not followed.
const MOST_ERROR: f64 = 0.5;
/// Scale-in waits until no more was forecast for so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Fewer records per second than this need no worker, however long each takes.
const NOTHING: f64 = 1e-3;

#[derive(Debug)]
pub(super) struct Predictive {
    policy: PredictivePolicy,
    profile: Profile,
    low: Quiet,
    forecast: Option<f64>,
}

impl Predictive {
    pub fn new(policy: &PredictivePolicy) -> Self {
        Self {
            profile: Profile::new(policy.period.0),
            low: Quiet::new(PATIENCE),
            policy: policy.clone(),
            forecast: None,
        }
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    pub fn profile_mut(&mut self) -> &mut Profile {
        &mut self.profile
    }

    pub fn low(&self) -> &Quiet {
        &self.low
    }

    pub fn low_mut(&mut self) -> &mut Quiet {
        &mut self.low
    }

    /// Workers that the forecast needs, once there is one.
    pub fn forecast(&self) -> Option<f64> {
        self.forecast
    }

    /// Silent until it knows enough of the past, as in AWS, and while what it forecast was far off.
    pub fn voice(&mut self, at: &Situation<'_>) -> Voice {
        self.profile.learn(at.now, at.seen.arrived);
        self.forecast = None;
        let least = self.policy.least_history.unwrap_or(self.policy.period).0;
        if self.profile.history() < least || self.profile.error().is_some_and(|error| error > MOST_ERROR) {
            return Voice::Silent;
        }
        let Some((when, arrivals)) = self.highest(at.now.wall) else { return Voice::Silent };
        let rate = match at.load.per_worker() {
            Some(rate) => rate,
            None if arrivals < NOTHING => f64::INFINITY,
            None if self.policy.forecast_only => return Voice::Silent,
            None => return Voice::stay(at.desired),
        };
        let needed = arrivals / (UTILISATION * rate);
        self.forecast = Some(needed);
        let to = whole(needed);
        let mut because = format!("forecast of {}/s for {}", number(arrivals), when.strftime("%H:%M UTC"));
        if rate.is_finite() {
            because = format!("{because} at {}/s per worker", number(rate));
        }
        because = format!("{because} needs {to}");
        if self.policy.forecast_only {
            return Voice::Forecast(Opinion { to, because });
        }
        let most = self.low.watch(at.now.instant, to);
        if to >= at.desired {
            return Voice::Go(Opinion { to, because });
        }
        match most {
            Some(most) => Voice::Go(Opinion { to: most, because }),
            None => Voice::stay(at.desired),
        }
    }

    /// The highest rate forecast from now until the workers ordered now have been of use.
    fn highest(&self, now: Timestamp) -> Option<(Timestamp, f64)> {
        let step = self.profile.step();
        let until = self.policy.ahead.0 + step;
        let steps = (until.as_secs_f64() / step.as_secs_f64()).ceil() as i32;
        let times = (0..=steps).filter_map(|count| {
            let ahead = SignedDuration::try_from(step).ok()?.checked_mul(count)?;
            now.checked_add(ahead).ok()
        });
        let forecasts = times.filter_map(|time| Some((time, self.profile.forecast(time)?)));
        forecasts.max_by(|(_, one), (_, other)| one.total_cmp(other))
    }
}
