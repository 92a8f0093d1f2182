//! Workers ahead of the load: the rates of the same minutes of earlier days, at today's level.

use super::{
    opinion::{Opinion, Situation},
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

#[derive(Debug)]
pub(super) struct Predictive {
    policy: PredictivePolicy,
    profile: Profile,
    quiet: Quiet,
    forecast: Option<f64>,
}

impl Predictive {
    pub fn new(policy: &PredictivePolicy) -> Self {
        Self {
            profile: Profile::new(policy.period.0),
            quiet: Quiet::new(PATIENCE),
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

    /// Workers that the forecast needs, once there is one.
    pub fn forecast(&self) -> Option<f64> {
        self.forecast
    }

    pub fn opinion(&mut self, at: &Situation<'_>) -> Option<Opinion> {
        self.profile.learn(at.now, at.seen.arrived);
        self.forecast = None;
        let least = self.policy.least_history.unwrap_or(self.policy.period).0;
        if self.profile.history() < least || self.profile.error().is_some_and(|error| error > MOST_ERROR) {
            return None;
        }
        let rate = at.load.per_worker()?;
        let (when, arrivals) = self.highest(at.now.wall)?;
        let needed = arrivals / (UTILISATION * rate);
        self.forecast = Some(needed);
        if self.policy.forecast_only {
            return None;
        }
        let to = whole(needed);
        let most = self.quiet.watch(at.now.instant, at.bounds.hold(to));
        let because = format!(
            "forecast of {}/s for {} at {}/s per worker needs {to}",
            number(arrivals),
            when.strftime("%H:%M UTC"),
            number(rate)
        );
        if at.bounds.hold(to) >= at.desired {
            return Some(Opinion { to, because });
        }
        match most {
            Some(most) => Some(Opinion { to: most, because }),
            None => Opinion::stay(at.desired),
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
