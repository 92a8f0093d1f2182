//! The autoscaler of the Flink Kubernetes operator, for a job of one vertex that reads the queue.
//!
//! Sources: apache/flink-kubernetes-operator, the options' reference ("Autoscaler configuration"), the
//! guide "Autoscaler", and `AutoScalerUtils`, `ScalingMetricEvaluator`, `JobVertexScaler`,
//! `ScalingExecutor`, `ScalingMetricCollector` and `DelayedScaleDown` for the rules:
//! capacity = lag / catch-up + rate * restart / catch-up + rate / utilisation, over means of a whole
//! window that begins anew with each rescale; nothing within the utilisation boundaries; scale-in
//! delayed, to the most that was recommended meanwhile.
//!
//! In its favour: a rescale does not stop the workers that are there (as with in-place rescaling),
//! and the job counts as stable when the trace begins.

use crate::{
    pipeline::Observation,
    simulation::{Ordered, PoolModel, Sizing},
    supervisor::Moment,
};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The operator's reconcile interval.
const RECONCILE: Duration = Duration::from_secs(60);
/// Lag in time from which on the processing rate of saturated workers is observed and believed.
const OBSERVED_LAG_SECONDS: f64 = 30.0;
const OBSERVED_LEAST: usize = 2;
const OBSERVED_SWITCH: f64 = 0.15;
/// Lag in time from which on a job "processes backlog": no scale-in, no reserve.
const BACKLOG_LAG_SECONDS: f64 = 300.0;
/// `scale-down.max-factor` and `scale-up.max-factor`.
const MOST_IN: f64 = 0.6;
const MOST_OUT: f64 = 100_000.0;
const SCALE_IN_INTERVAL: Duration = Duration::from_secs(3_600);

/// The options that the guide's example sets otherwise than the defaults.
#[derive(Debug, Clone, Copy)]
struct Options {
    window: Duration,
    stabilisation: Duration,
    utilisation: f64,
    utilisation_max: f64,
    utilisation_min: f64,
    restart: Duration,
    catch_up: Duration,
}

const DEFAULTS: Options = Options {
    window: Duration::from_secs(15 * 60),
    stabilisation: Duration::from_secs(5 * 60),
    utilisation: 0.7,
    utilisation_max: 1.0,
    utilisation_min: 0.4,
    restart: Duration::from_secs(5 * 60),
    catch_up: Duration::from_secs(30 * 60),
};
/// "Basic configuration example" of the guide.
const EXAMPLE: Options = Options {
    window: Duration::from_secs(5 * 60),
    stabilisation: Duration::from_secs(60),
    utilisation: 0.6,
    utilisation_max: 0.8,
    utilisation_min: 0.4,
    restart: Duration::from_secs(2 * 60),
    catch_up: Duration::from_secs(5 * 60),
};

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Instant,
    processed: f64,
    busy_seconds: f64,
    lag: f64,
    /// Throughput since the reading before, when it was that of saturated workers.
    observed: Option<f64>,
}

/// What the window says, in records and records per second.
#[derive(Debug, Clone, Copy)]
struct Load {
    /// What the present workers would process if they were busy all the time.
    true_rate: f64,
    /// What comes in.
    target_rate: f64,
    lag: f64,
    is_processing_backlog: bool,
}

/// Capacity for rate, lag and restart at a utilisation, over long windows.
#[derive(Debug)]
pub struct Flink {
    name: &'static str,
    options: Options,
    min: u32,
    max: u32,
    readings: VecDeque<Reading>,
    /// When the job is stable and its window is full; absent while it rescales.
    ready: Option<Instant>,
    is_rescaled: bool,
    /// A scale-in that waits: since when, and the most that was recommended.
    delayed: Option<(Instant, u32)>,
    because: String,
}

impl Flink {
    /// With the default of every option.
    pub fn new(pool: &PoolModel) -> Self {
        Self::with("flink", DEFAULTS, pool)
    }

    /// With the options of the guide's example, which reacts within minutes.
    pub fn of_guide(pool: &PoolModel) -> Self {
        Self::with("flink-guide", EXAMPLE, pool)
    }

    fn with(name: &'static str, options: Options, pool: &PoolModel) -> Self {
        Self {
            name,
            options,
            min: pool.min.max(1),
            max: pool.max.max(pool.min).max(1),
            readings: VecDeque::new(),
            ready: None,
            is_rescaled: false,
            delayed: None,
            because: String::new(),
        }
    }

    fn read(&mut self, now: Instant, seen: &Observation) {
        let (processed, lag) = (seen.processed as f64, seen.backlog as f64);
        let observed = self.readings.back().and_then(|last| {
            let elapsed = now.saturating_duration_since(last.at).as_secs_f64();
            let rate = (processed - last.processed) / elapsed;
            (elapsed > 0.0 && rate > 0.0 && lag / rate > OBSERVED_LAG_SECONDS).then_some(rate)
        });
        let busy_seconds = seen.busy_seconds;
        self.readings.push_back(Reading { at: now, processed, busy_seconds, lag, observed });
    }

    fn is_ready(&mut self, now: Instant) -> bool {
        let stabilisation = if self.is_rescaled { self.options.stabilisation } else { Duration::ZERO };
        let ready = *self.ready.get_or_insert(now + stabilisation + self.options.window);
        if now >= ready {
            let window = self.options.window;
            self.readings.retain(|reading| now.saturating_duration_since(reading.at) <= window);
        }
        now >= ready
    }

    fn load(&self, parallelism: u32) -> Option<Load> {
        let (first, last) = (self.readings.front()?, self.readings.back()?);
        let elapsed = last.at.saturating_duration_since(first.at).as_secs_f64();
        if elapsed <= 0.0 {
            return None;
        }
        let input = (last.processed - first.processed) / elapsed;
        let busy = (last.busy_seconds - first.busy_seconds) / elapsed / f64::from(parallelism);
        let by_busy_time = if input > 0.0 { input / busy.max(f64::EPSILON) } else { f64::INFINITY };
        let observed: Vec<f64> = self.readings.iter().filter_map(|reading| reading.observed).collect();
        let by_observation = observed.iter().sum::<f64>() / observed.len().max(1) as f64;
        let believes = observed.len() >= OBSERVED_LEAST
            && (by_busy_time.is_infinite() || by_busy_time > by_observation * (1.0 + OBSERVED_SWITCH));
        Some(Load {
            true_rate: if believes { by_observation } else { by_busy_time },
            target_rate: (input + (last.lag - first.lag) / elapsed).max(0.0),
            lag: last.lag,
            is_processing_backlog: last.lag / input > BACKLOG_LAG_SECONDS,
        })
    }

    /// Capacity in records per second that a load needs at a utilisation.
    fn capacity(&self, load: &Load, utilisation: f64, with_restart: bool) -> f64 {
        if utilisation <= 0.0 {
            return f64::INFINITY;
        }
        let catch_up = self.options.catch_up.as_secs_f64();
        let restart = if with_restart { self.options.restart.as_secs_f64() } else { 0.0 };
        (load.lag / catch_up + load.target_rate * restart / catch_up + load.target_rate / utilisation).round()
    }

    fn is_within_boundaries(&self, load: &Load) -> bool {
        let (upper, lower) = match load.is_processing_backlog {
            true => (1.0, 0.0),
            false => (self.options.utilisation_max, self.options.utilisation_min),
        };
        let least = self.capacity(load, upper, false);
        let most = self.capacity(load, lower, true);
        (least..=most).contains(&load.true_rate)
    }

    /// The parallelism to go to, after the delay of scale-in; `None` is to stay.
    fn change(&mut self, now: Instant, parallelism: u32, load: &Load) -> Option<u32> {
        let factor = self.capacity(load, self.options.utilisation, true) / load.true_rate;
        let factor = factor.clamp(1.0 - MOST_IN, 1.0 + MOST_OUT);
        let wanted = ((factor * f64::from(parallelism)).ceil() as u32).clamp(self.min, self.max);
        if wanted >= parallelism {
            self.delayed = None;
            return (wanted > parallelism).then_some(wanted);
        }
        let (since, most) = self.delayed.unwrap_or((now, wanted));
        let most = most.max(wanted);
        self.delayed = Some((since, most));
        (now.saturating_duration_since(since) >= SCALE_IN_INTERVAL).then_some(most)
    }
}

impl Sizing for Flink {
    fn name(&self) -> &str {
        self.name
    }

    fn every(&self) -> Duration {
        RECONCILE
    }

    fn desired(&mut self, now: Moment, current: Ordered, seen: &Observation) -> u32 {
        let (now, parallelism) = (now.instant, current.desired.max(1));
        if self.is_rescaled && self.ready.is_none() && current.in_service != current.desired {
            return parallelism;
        }
        self.read(now, seen);
        if !self.is_ready(now) {
            return parallelism;
        }
        let Some(load) = self.load(parallelism) else { return parallelism };
        let change = self.change(now, parallelism, &load);
        match change.filter(|_| !self.is_within_boundaries(&load)) {
            Some(wanted) => {
                self.because = format!(
                    "{:.0}/s arrive, {:.0} wait, the workers could process {:.0}/s",
                    load.target_rate, load.lag, load.true_rate
                );
                self.readings.clear();
                (self.ready, self.is_rescaled, self.delayed) = (None, true, None);
                wanted
            }
            None => parallelism,
        }
    }

    fn because(&self) -> String {
        self.because.clone()
    }
}
