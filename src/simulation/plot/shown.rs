//! What is shown of outcomes: the charts of each trace.

use super::chart::{Chart, Level, PLAIN, Remark, Series, Shape, number, time};
use crate::simulation::{Outcome, Sample};

/// How far the axis goes above what the first sizing needs, before the others are cut off.
const ROOM: f64 = 2.5;

/// All outcomes on one trace, in the order given; the first is the one that the others are compared with.
#[derive(Debug)]
pub struct Shown<'a> {
    pub trace: &'a str,
    pub outcomes: Vec<&'a Outcome>,
}

/// Outcomes by trace, in the order in which each trace first comes.
pub fn by_trace(outcomes: &[Outcome]) -> Vec<Shown<'_>> {
    let mut all: Vec<Shown> = Vec::new();
    for outcome in outcomes {
        match all.iter_mut().find(|shown| shown.trace == outcome.trace) {
            Some(shown) => shown.outcomes.push(outcome),
            None => all.push(Shown { trace: &outcome.trace, outcomes: vec![outcome] }),
        }
    }
    all
}

fn points(outcome: &Outcome, value: impl Fn(&Sample) -> f64) -> Vec<(f64, f64)> {
    // A sample tells of the second that ends with it.
    outcome.samples.iter().map(|sample| ((sample.second - 1.0).max(0.0), value(sample))).collect()
}

fn series(name: &str, shape: Shape, colour: usize, points: Vec<(f64, f64)>) -> Series {
    Series { name: name.to_owned(), shape, colour, points, remarks: Vec::new() }
}

/// A change in words: `1 → 12 at 1 min 2 s: backlog ...`.
pub fn told(change: &(f64, u32, u32, String)) -> String {
    let (second, from, to, because) = change;
    let reason = if because.is_empty() { String::new() } else { format!(": {because}") };
    format!("{from} → {to} at {}{reason}", time(*second))
}

impl Shown<'_> {
    /// Length of the longest run, seconds.
    pub fn seconds(&self) -> f64 {
        let ends = self.outcomes.iter().filter_map(|outcome| outcome.samples.last());
        ends.map(|sample| sample.second).fold(1.0, f64::max)
    }

    pub fn goal(&self) -> f64 {
        self.outcomes.first().map_or(0.0, |outcome| outcome.goal)
    }

    fn chart(&self, title: &str, unit: &str, series: Vec<Series>) -> Chart {
        Chart {
            title: title.to_owned(),
            unit: unit.to_owned(),
            seconds: self.seconds(),
            series,
            ..Chart::default()
        }
    }

    pub fn arrivals(&self) -> Chart {
        let points = self.outcomes.first().map(|first| points(first, |sample| sample.arrivals_per_second));
        let arrivals = series("arrivals", Shape::Steps, PLAIN, points.unwrap_or_default());
        self.chart("arrivals", "records/s", vec![arrivals])
    }

    /// What the arrivals need at 80 % load, as ground for charts of workers.
    fn needed(&self) -> Option<Series> {
        let first = self.outcomes.first()?;
        Some(series("needed", Shape::Area, 0, points(first, |sample| f64::from(sample.needed))))
    }

    /// Workers ordered by each sizing over what is needed; for one sizing also those in service.
    pub fn workers(&self) -> Chart {
        let mut all: Vec<Series> = self.needed().into_iter().collect();
        for (colour, outcome) in self.outcomes.iter().enumerate() {
            let is_only = self.outcomes.len() == 1;
            let name = if is_only { "ordered" } else { outcome.sizing.as_str() };
            let ordered = points(outcome, |sample| f64::from(sample.desired));
            let mut ordered = series(name, Shape::Steps, colour, ordered);
            ordered.remarks =
                outcome.decisions.iter().map(|change| remark(&outcome.sizing, change)).collect();
            all.push(ordered);
            if is_only {
                let in_service = points(outcome, |sample| f64::from(sample.in_service));
                all.push(series("in service", Shape::Steps, 1, in_service));
            }
        }
        let mut chart = self.chart("workers", "", all);
        chart.cut = cut(&chart, 2);
        chart
    }

    /// Workers that one of the sizings ordered.
    pub fn workers_of(&self, outcome: &Outcome) -> Chart {
        let mut all: Vec<Series> = self.needed().into_iter().collect();
        all.push(series("ordered", Shape::Steps, 0, points(outcome, |sample| f64::from(sample.desired))));
        self.chart("workers", "", all)
    }

    /// Age of the oldest record under each sizing.
    pub fn age(&self) -> Chart {
        let ages = self.outcomes.iter().enumerate().map(|(colour, outcome)| {
            series(&outcome.sizing, Shape::Line, colour, points(outcome, |sample| sample.oldest_age))
        });
        let mut chart = self.chart("age of the oldest record", "s", ages.collect());
        chart.levels.push(self.goal_level());
        chart.cut = cut(&chart, 1);
        chart
    }

    /// Age of the oldest record under one of the sizings.
    pub fn age_of(&self, outcome: &Outcome) -> Chart {
        let ages = points(outcome, |sample| sample.oldest_age);
        let mut chart = self.chart("age", "s", vec![series("oldest record", Shape::Line, 0, ages)]);
        chart.levels.push(self.goal_level());
        chart
    }

    fn goal_level(&self) -> Level {
        Level { name: format!("goal {} s", number(self.goal())), value: self.goal() }
    }
}

fn remark(sizing: &str, change: &(f64, u32, u32, String)) -> Remark {
    let (second, _, to, _) = change;
    Remark { at: *second, value: f64::from(*to), says: format!("{sizing}: {}", told(change)) }
}

/// Where to cut so that the first `own` series and the levels fill a good part of the chart; `None` when
/// nothing goes far above them.
fn cut(chart: &Chart, own: usize) -> Option<f64> {
    let own = chart.series.iter().take(own).map(Series::most);
    let levels = chart.levels.iter().map(|level| level.value);
    let limit = own.chain(levels).fold(0.0, f64::max) * ROOM;
    (limit > 0.0 && chart.most() > limit * 1.2).then_some(limit)
}
