//! From the curves of a trace to the workers of the oracle.

use super::taut_string::{Point, taut_string};
use crate::simulation::{PoolModel, cumulative::Cumulative, traces::Trace};
use std::collections::VecDeque;

/// Seconds between points of the grid.
const GRID: f64 = 0.1;
/// The same for a trace of more than two days.
const COARSE_GRID: f64 = 1.0;

/// The plan of somebody who knows the trace, and the ages it comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Oracle {
    /// Worker-seconds, with those of starting.
    pub cost: f64,
    /// Workers in each second, the mean.
    pub workers: Vec<f64>,
    /// Greatest age of the oldest record in each second, by this plan.
    pub ages: Vec<f64>,
    /// The same with `max` workers all the time: nobody can do better.
    pub least_ages: Vec<f64>,
}

struct Curves<'a> {
    model: &'a PoolModel,
    arrived: Cumulative,
    grid: f64,
    /// Points of the grid after the first.
    steps: usize,
}

impl Oracle {
    /// The cheapest plan for a trace; the sink's limit is the model's.
    pub fn new(trace: &Trace, model: &PoolModel) -> Self {
        let seconds = trace.seconds();
        let grid = if seconds > 2 * 86_400 { COARSE_GRID } else { GRID };
        let steps = (seconds as f64 / grid).round() as usize;
        let curves = Curves { model, arrived: Cumulative::new(&trace.arrivals), grid, steps };
        let min = f64::from(model.min);
        let ready = (model.start.as_secs_f64() / grid - 1e-9).ceil() as usize;
        let most = f64::from(model.max.max(model.min));
        let everybody: Vec<f64> = (0..steps).map(|step| if step < ready { min } else { most }).collect();
        let furthest = curves.finished(&everybody);
        let mut workers = curves.slopes(&curves.cheapest(&furthest));
        for wanted in &mut workers {
            *wanted = (*wanted / model.rate()).max(min);
        }
        let workers = closed(&workers, ready);
        let mut cost = 0.0;
        let mut before = min;
        for count in &workers {
            cost += count * grid + (count - before).max(0.0) * model.start.as_secs_f64();
            before = *count;
        }
        let per_second = (1.0 / grid).round().max(1.0);
        let mean = |counts: &[f64]| counts.iter().sum::<f64>() / per_second;
        Self {
            cost,
            ages: curves.ages(&curves.finished(&workers)),
            least_ages: curves.ages(&furthest),
            workers: workers.chunks(per_second as usize).map(mean).collect(),
        }
    }
}

impl Curves<'_> {
    fn time(&self, step: usize) -> f64 {
        step as f64 * self.grid
    }

    /// Records finished at each point of the grid by workers who waste no time.
    fn finished(&self, workers: &[f64]) -> Vec<f64> {
        let service = self.model.service.as_secs_f64();
        let limit = self.model.sink_limit.unwrap_or(f64::INFINITY);
        let mut finished = 0.0;
        let mut all = vec![0.0];
        for (step, count) in workers.iter().enumerate() {
            let able = finished + (count * self.model.rate()).min(limit) * self.grid;
            finished = able.min(self.arrived.at(self.time(step + 1) - service)).max(finished);
            all.push(finished);
        }
        all
    }

    /// Records finished by the cheapest plan: the corners of the taut string.
    fn cheapest(&self, furthest: &[f64]) -> Vec<Point> {
        let latest = self.model.goal.as_secs_f64() + self.grid;
        let due = |(step, most): (usize, &f64)| {
            let time = self.time(step);
            (time, (self.arrived.at(time - latest) - 1.0).max(0.0).min(*most))
        };
        let lower: Vec<Point> = furthest.iter().enumerate().map(due).collect();
        let end = lower.last().map_or(0.0, |(_, records)| *records);
        let upper: Vec<Point> =
            furthest.iter().enumerate().map(|(step, most)| (self.time(step), most.min(end))).collect();
        taut_string(&lower, &upper)
    }

    /// Records per second in each step of the grid.
    fn slopes(&self, corners: &[Point]) -> Vec<f64> {
        let mut slopes = Vec::with_capacity(self.steps);
        for (from, to) in corners.iter().zip(corners.iter().skip(1)) {
            let steps = ((to.0 - from.0) / self.grid).round() as usize;
            let slope = (to.1 - from.1) / (to.0 - from.0);
            slopes.extend(std::iter::repeat_n(slope, steps));
        }
        slopes.resize(self.steps, 0.0);
        slopes
    }

    /// Greatest age of the oldest record not finished, by second.
    fn ages(&self, finished: &[f64]) -> Vec<f64> {
        let mut ages = vec![0.0_f64; (self.time(self.steps)).round() as usize];
        let mut from = 0;
        for (step, records) in finished.iter().enumerate().skip(1) {
            let time = self.time(step);
            if self.arrived.at(time) - records < 1.0 {
                continue;
            }
            let (came, second) = self.arrived.time_of(*records, from);
            from = second;
            if let Some(age) = ages.get_mut(((time - 1e-6) as usize).min(time as usize)) {
                *age = age.max(time - came);
            }
        }
        ages
    }
}

/// Gaps of fewer than `width` steps between higher values are filled up to the lower of these.
fn closed(values: &[f64], width: usize) -> Vec<f64> {
    if width < 2 {
        return values.to_vec();
    }
    let widened = extremes(values, width, |new, old| new >= old);
    // The window that looked back now looks forward, so that nothing is moved.
    let reversed: Vec<f64> = widened.into_iter().rev().collect();
    let mut filled = extremes(&reversed, width, |new, old| new <= old);
    filled.truncate(reversed.len());
    filled.reverse();
    filled.truncate(values.len());
    filled
}

/// The winner of the `width` values that end at each place, and of the fewer at both ends.
fn extremes(values: &[f64], width: usize, wins: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    let mut window: VecDeque<(usize, f64)> = VecDeque::new();
    let mut found = Vec::with_capacity(values.len() + width);
    for at in 0..values.len() + width - 1 {
        if let Some(value) = values.get(at) {
            while window.back().is_some_and(|(_, old)| wins(*value, *old)) {
                window.pop_back();
            }
            window.push_back((at, *value));
        }
        while window.front().is_some_and(|(from, _)| from + width <= at) {
            window.pop_front();
        }
        found.push(window.front().map_or(0.0, |(_, value)| *value));
    }
    found
}
