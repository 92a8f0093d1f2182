//! The charts of a run.

use crate::{
    load::{
        figure,
        outcome::{DaemonSample, NodeSample, Outcome, Sample},
        scenario::Thresholds,
    },
    simulation::plot::chart::{Chart, Level, Mark, MarkKind, PLAIN, Scale, Series, Shape, time},
    units::Span,
};
use std::collections::BTreeSet;

const MILLISECONDS: f64 = 1e3;
const MIB: f64 = 1_048_576.0;

/// A run as it is drawn.
#[derive(Debug)]
pub struct Drawn<'a> {
    pub outcome: &'a Outcome,
    pub thresholds: &'a Thresholds,
}

fn series(name: &str, shape: Shape, colour: usize, points: Vec<(f64, f64)>) -> Series {
    let points = if shape == Shape::Line { points } else { begin(points) };
    Series { name: name.to_owned(), shape, colour, points, remarks: Vec::new() }
}

fn level(name: &str, limit: Option<Span>, unit: f64) -> Option<Level> {
    let limit = limit?.0.as_secs_f64();
    Some(Level { name: format!("{name} at most {}", figure::duration(limit)), value: limit * unit })
}

/// The middle of the second that a sample tells of, which ends with it.
fn middle(end: f64) -> f64 {
    (end - 0.5).max(0.0)
}

/// Steps are drawn from where their second begins.
fn begin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points.into_iter().map(|(middle, value)| ((middle - 0.5).max(0.0), value)).collect()
}

impl Drawn<'_> {
    /// All charts with their heights; those of the daemon only when it told something.
    pub fn charts(&self) -> Vec<(Chart, f64)> {
        let mut all = vec![(self.rate(), 210.0), (self.latency(), 230.0)];
        if self.outcome.daemon_samples().next().is_some() {
            all.extend([(self.backlog(), 150.0), (self.age(), 150.0), (self.workers(), 170.0)]);
            all.extend([(self.memory(), 120.0), (self.processor(), 110.0)]);
        }
        for (place, (chart, _)) in all.iter_mut().enumerate() {
            chart.marks = self.marks(place == 0);
        }
        all
    }

    pub fn seconds(&self) -> f64 {
        self.outcome.samples.last().map_or(1.0, |sample| sample.second).max(1.0)
    }

    fn chart(&self, title: &str, unit: &str, series: Vec<Series>) -> Chart {
        let (title, unit) = (title.to_owned(), unit.to_owned());
        Chart { title, unit, seconds: self.seconds(), series, ..Chart::default() }
    }

    fn points(&self, value: impl Fn(&Sample) -> f64) -> Vec<(f64, f64)> {
        self.outcome.samples.iter().map(|sample| (middle(sample.second), value(sample))).collect()
    }

    fn daemon_points(&self, value: impl Fn(&DaemonSample) -> Option<f64>) -> Vec<(f64, f64)> {
        let told = self.outcome.daemon_samples();
        told.filter_map(|(second, sample)| Some((middle(second), value(sample)?))).collect()
    }

    pub fn rate(&self) -> Chart {
        let mut all = vec![
            series("planned", Shape::Area, PLAIN, self.points(|sample| sample.planned as f64)),
            series("accepted", Shape::Steps, 0, self.points(|sample| sample.accepted as f64)),
        ];
        let refused = self.points(|sample| sample.refused as f64);
        let unsent = self.points(|sample| sample.unsent as f64);
        all.push(series("refused", Shape::Steps, 1, refused));
        all.push(series("unsent", Shape::Steps, 3, unsent));
        self.chart("records per second; planned is shaded", "", all)
    }

    pub fn latency(&self) -> Chart {
        let of = |value: fn(&Sample) -> f64| {
            // A second without an answer has no latency.
            let points = self.points(|sample| value(sample) * MILLISECONDS).into_iter();
            points.filter(|(_, value)| *value > 0.0).collect()
        };
        let all = vec![
            series("p99", Shape::Line, 0, of(|sample| sample.p99)),
            series("p50", Shape::Line, 2, of(|sample| sample.p50)),
            series("max", Shape::Line, 1, of(|sample| sample.max)),
        ];
        let mut chart = self.chart("latency from the planned send time", "ms", all);
        chart.scale = Scale::Logarithmic;
        chart.levels.extend(level("p99", self.thresholds.p99, MILLISECONDS));
        chart
    }

    fn nodes(&self, is_shown: impl Fn(&NodeSample) -> bool) -> BTreeSet<&str> {
        let nodes = self.outcome.daemon_samples().flat_map(|(_, sample)| &sample.nodes);
        nodes.filter(|(_, node)| is_shown(node)).map(|(name, _)| name.as_str()).collect()
    }

    fn by_node(&self, nodes: &BTreeSet<&str>, value: fn(&NodeSample) -> f64) -> Vec<Series> {
        let of = |(colour, node): (usize, &&str)| {
            let points = self.daemon_points(|sample| sample.nodes.get(*node).map(value));
            series(node, Shape::Line, colour, points)
        };
        nodes.iter().enumerate().map(of).collect()
    }

    pub fn backlog(&self) -> Chart {
        let nodes = self.nodes(|node| node.backlog > 0.0);
        self.chart("records that wait, by node", "", self.by_node(&nodes, |node| node.backlog))
    }

    fn age(&self) -> Chart {
        let nodes = self.nodes(|node| node.oldest_age > 0.0);
        let mut chart =
            self.chart("age of the oldest record", "s", self.by_node(&nodes, |node| node.oldest_age));
        chart.levels.extend(level("age", self.thresholds.age, 1.0));
        chart
    }

    /// Pools that changed; all of them when none did.
    pub fn workers(&self) -> Chart {
        let pools = self.nodes(|node| node.desired.max(node.in_service) > 0);
        let changes = |node: &&&str| {
            let points =
                self.daemon_points(|sample| sample.nodes.get(**node).map(|node| f64::from(node.desired)));
            points.windows(2).any(|pair| matches!(pair, [(_, before), (_, after)] if before != after))
        };
        let changed: BTreeSet<&str> = pools.iter().filter(changes).copied().collect();
        let shown = if changed.is_empty() { pools } else { changed };
        let mut all = Vec::new();
        for (place, node) in shown.iter().enumerate() {
            let of = |value: fn(&NodeSample) -> u32| {
                self.daemon_points(|sample| sample.nodes.get(*node).map(|node| f64::from(value(node))))
            };
            let (ordered, in_service) = (of(|node| node.desired), of(|node| node.in_service));
            all.push(series(&format!("{node} ordered"), Shape::Steps, 2 * place, ordered));
            all.push(series(&format!("{node} in service"), Shape::Steps, 2 * place + 1, in_service));
        }
        self.chart("workers", "", all)
    }

    fn memory(&self) -> Chart {
        let points = self.daemon_points(|sample| Some(sample.memory_bytes as f64 / MIB));
        let mut chart =
            self.chart("memory of the daemon", "MiB", vec![series("memory", Shape::Line, 0, points)]);
        chart.levels.extend(self.thresholds.memory.map(|limit| Level {
            name: format!("memory at most {}", figure::bytes(limit.0 as f64)),
            value: limit.0 as f64 / MIB,
        }));
        chart
    }

    /// Processor seconds in each second; a restart begins anew.
    fn processor(&self) -> Chart {
        let told = self.daemon_points(|sample| Some(sample.processor_seconds));
        let points = told.windows(2).filter_map(|pair| match pair {
            [(before, used), (at, used_then)] if at > before && used_then >= used => {
                Some((*at, (used_then - used) / (at - before)))
            }
            _ => None,
        });
        let points = points.collect();
        self.chart("processors that the daemon used", "", vec![series("processors", Shape::Line, 0, points)])
    }

    /// After all stages, what is on its way is waited for.
    fn drain(&self, has_name: bool) -> Option<Mark> {
        let ends = self.outcome.stages.iter().map(|stage| stage.from + stage.seconds);
        let from = ends.reduce(f64::max).filter(|end| *end + 1.0 < self.seconds())?;
        let name = if has_name { "drain".to_owned() } else { String::new() };
        let says = "what is on its way arrives, and is proven".to_owned();
        Some(Mark { kind: MarkKind::Stage, from, until: self.seconds(), name, says })
    }

    fn marks(&self, has_names: bool) -> Vec<Mark> {
        let name = |name: &str| if has_names { name.to_owned() } else { String::new() };
        let stages = self.outcome.stages.iter().map(|stage| Mark {
            kind: MarkKind::Stage,
            from: stage.from,
            until: stage.from + stage.seconds,
            name: name(&stage.name),
            says: format!("stage {}, {}", stage.name, time(stage.seconds.round())),
        });
        let faults = self.outcome.faults.iter().map(|fault| Mark {
            kind: MarkKind::Fault,
            from: fault.from,
            until: fault.from + fault.seconds,
            name: name(&fault.kind),
            says: format!("{}: {}", fault.kind, fault.detail),
        });
        stages.chain(self.drain(has_names)).chain(faults).collect()
    }
}
