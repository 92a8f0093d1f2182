//! When it is sent, and what goes wrong meanwhile.

use super::within;
use crate::{
    load::scenario::{Arrival, Fault, FaultKind, Stage, Trickle},
    simulation::traces,
    topology::{Faults, KeyPath, Problem, closest},
    units::Span,
};
use std::path::Path;

/// Highest rate, in records per second: beyond what one machine sends.
const FASTEST: f64 = 10_000_000.0;
const MOST_STEPS: u32 = 10_000;
const POSITIVE: &str =
    "it must be above 0, and at most 10,000,000 records a second; kind = \"pause\" sends nothing";
const NOT_NEGATIVE: &str = "it must be 0 to 10,000,000 records a second, and not 0 at both ends";
const LONG: &str = "it must be above 0";

pub(super) fn check(stages: &[Stage], folder: &Path, faults: &mut Faults<'_>) {
    for (at, stage) in stages.iter().enumerate() {
        let path = KeyPath::of(["stage"]).item(at);
        if stages.iter().take(at).any(|earlier| earlier.name == stage.name) {
            faults.add(&path.field("name"), &Problem::DuplicateTarget { name: stage.name.clone() });
        }
        check_length(stage, &path, faults);
        check_arrival(stage, folder, &path.field("arrival"), faults);
        let has_times = !matches!(stage.arrival, Arrival::Closed {} | Arrival::Pause {});
        if stage.spacing == Trickle::Poisson && !has_times {
            let why = "in a stage that plans no records";
            faults.add(&path.field("spacing"), &Problem::Useless { field: "spacing", why });
        }
    }
}

fn check_length(stage: &Stage, path: &KeyPath, faults: &mut Faults<'_>) {
    match stage.length {
        Some(length) => within(!length.0.is_zero(), length, LONG, &path.field("for"), faults),
        None if matches!(stage.arrival, Arrival::Trace { .. }) => {}
        // What cannot be read was told.
        None if faults.document().root.at(&path.field("for")).is_some() => {}
        None => {
            let meaning = Some("how long the stage takes, such as \"10s\"".to_owned());
            faults.add(path, &Problem::MissingField { field: "for".to_owned(), meaning });
        }
    }
}

fn check_arrival(stage: &Stage, folder: &Path, path: &KeyPath, faults: &mut Faults<'_>) {
    let mut positive = |field: &str, rate: f64| {
        within(rate > 0.0 && rate <= FASTEST, rate, POSITIVE, &path.field(field), faults);
    };
    match &stage.arrival {
        Arrival::Constant { rate } => positive("rate", *rate),
        Arrival::Ramp { from, to } => check_ends(*from, *to, path, faults),
        Arrival::Stairs { from, to, steps } => {
            check_ends(*from, *to, path, faults);
            let is_met = (1..=MOST_STEPS).contains(steps);
            within(is_met, steps, "it must be 1 to 10,000", &path.field("steps"), faults);
        }
        Arrival::Spike { base, peak, after, lasting } => {
            positive("base", *base);
            positive("peak", *peak);
            within(!lasting.0.is_zero(), lasting, LONG, &path.field("lasting"), faults);
            if let Some(length) = stage.length {
                let end = Span(after.0.saturating_add(lasting.0));
                ends_within(("after + lasting", end), length, path, faults);
            }
        }
        Arrival::Trace { file, scale } => {
            positive("scale", *scale);
            if let Err(error) = traces::read(&folder.join(file)) {
                faults.add(&path.field("file"), &Problem::Malformed { message: error.to_string() });
            }
        }
        Arrival::Closed {} | Arrival::Pause {} => {}
    }
}

fn check_ends(from: f64, to: f64, path: &KeyPath, faults: &mut Faults<'_>) {
    let is_fit = |rate: f64| (0.0..=FASTEST).contains(&rate);
    within(is_fit(from), from, NOT_NEGATIVE, &path.field("from"), faults);
    within(is_fit(to) && from.max(to) > 0.0, to, NOT_NEGATIVE, &path.field("to"), faults);
}

fn ends_within(
    (least_name, end): (&'static str, Span),
    length: Span,
    path: &KeyPath,
    faults: &mut Faults<'_>,
) {
    if end.0 > length.0 {
        let (least, most) = (end.to_string(), length.to_string());
        faults.add(path, &Problem::MinAboveMax { least_name, least, most_name: "for", most });
    }
}

/// Faults name stages, and begin within them. When no stage could be read, that was told.
pub(super) fn check_faults(troubles: &[Fault], stages: &[Stage], faults: &mut Faults<'_>) {
    for (at, trouble) in troubles.iter().enumerate() {
        let path = KeyPath::of(["fault"]).item(at);
        let stage = stages.iter().find(|stage| stage.name == trouble.stage);
        if stage.is_none() && !stages.is_empty() {
            let suggestion = closest(&trouble.stage, stages.iter().map(|stage| stage.name.as_str()));
            let name = trouble.stage.clone();
            faults.add(&path.field("stage"), &Problem::UnknownTarget { name, wanted: "stage", suggestion });
        }
        if let (Some(after), Some(length)) = (trouble.after, stage.and_then(|stage| stage.length)) {
            ends_within(("after", after), length, &path.field("after"), faults);
        }
        let lasting = match &trouble.kind {
            FaultKind::ConsumerOutage { lasting, .. }
            | FaultKind::SlowSink { lasting, .. }
            | FaultKind::SinkOutage { lasting }
            | FaultKind::DiskFull { lasting, .. } => Some(*lasting),
            FaultKind::KillDaemon { .. } | FaultKind::WorkerCrash { .. } | FaultKind::SplitShard { .. } => {
                None
            }
        };
        if let Some(lasting) = lasting {
            within(!lasting.0.is_zero(), lasting, LONG, &path.field("lasting"), faults);
        }
    }
}
