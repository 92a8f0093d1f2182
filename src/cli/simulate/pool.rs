//! The pool that is rehearsed: of a topology, or the default one.

use super::SimulateArguments;
use crate::{
    cli::check::load,
    error::Failure,
    pipeline::{Scale, ScaleMode},
    simulation::{OwnSizing, PoolModel, Sizing},
    topology::{Plan, PlannedNode, Section},
};
use std::{path::Path, time::Duration};

/// A pool, and the scale that a topology gives it.
#[derive(Debug)]
pub(super) struct Pool {
    pub name: String,
    pub model: PoolModel,
    scale: Option<Scale>,
}

impl Pool {
    pub fn of(arguments: &SimulateArguments) -> Result<Self, Failure> {
        if arguments.service.0 < Duration::from_micros(1) {
            return Err(refused(
                "--service: 0ms is no time of work; write the time of a record, such as 100ms",
            ));
        }
        if arguments.sink_limit.is_some_and(|limit| !(limit > 0.0 && limit.is_finite())) {
            return Err(refused(
                "--sink-limit: must be above 0 records per second; leave it out for no limit",
            ));
        }
        let timed = PoolModel {
            service: arguments.service.0,
            start: arguments.start.0,
            sink_limit: arguments.sink_limit,
            ..PoolModel::default()
        };
        let Some(file) = &arguments.topology else {
            return Ok(Self { name: "default".to_owned(), model: timed, scale: None });
        };
        let (name, scale, limit) = scale_of(file, arguments.pool.as_deref())?;
        let (min, max) = widest(&scale);
        let max = limit.map_or(max, |limit| max.min(limit.max(min)));
        let (first, goal) = (Some(scale.desired.unwrap_or(scale.min)), scale.goal_age.0);
        let model = PoolModel { min, max, first, limit, goal, ..timed };
        // What a pool that only observes would do is what is asked.
        Ok(Self { name, model, scale: Some(Scale { mode: ScaleMode::Act, ..scale }) })
    }

    /// The daemon's autoscaler for it.
    pub fn own(&self) -> Box<dyn Sizing> {
        Box::new(self.scale.clone().map_or_else(|| OwnSizing::of(&self.model), OwnSizing::new))
    }
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::Configuration(message.into())
}

/// The bounds of the topology, as far as its schedules move them.
fn widest(scale: &Scale) -> (u32, u32) {
    let scheduled = || scale.policies.iter().filter_map(|policy| policy.scheduled.as_ref());
    let bounds = || scheduled().flat_map(|schedule| [schedule.min, schedule.max]).flatten();
    (bounds().fold(scale.min, u32::min), bounds().fold(scale.max, u32::max))
}

/// The name, the scale and the most that its source can use, of the pool that is meant.
fn scale_of(file: &Path, name: Option<&str>) -> Result<(String, Scale, Option<u32>), Failure> {
    let plan = load(file)?;
    let scaled = |node: &PlannedNode| {
        let (scale, limit) = scale(&plan, node)?;
        Some((node.name.clone(), scale, limit))
    };
    let pools: Vec<(String, Scale, Option<u32>)> = plan.nodes.iter().filter_map(scaled).collect();
    let names = || pools.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match (name, pools.as_slice()) {
        (Some(name), _) => pools.iter().find(|(pool, ..)| pool == name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some(found) = found else {
        let asked = name.map_or_else(|| "is needed".to_owned(), |name| format!("{name:?} is no pool"));
        return Err(refused(format!("--pool: {asked}; the pools of {} are: {}", file.display(), names())));
    };
    Ok(found.clone())
}

fn scale(plan: &Plan, node: &PlannedNode) -> Option<(Scale, Option<u32>)> {
    let shards = || plan.shards_read(node);
    match &node.section {
        Section::Workers(workers) => Some((workers.scale.clone(), None)),
        Section::Ingress(ingress) => Some((ingress.pool_scale(), None)),
        Section::Raw(raw) => Some((raw.scale.pool_scale(shards()), Some(shards()))),
        Section::Loader(loader) => Some((loader.scale.pool_scale(shards()), Some(shards()))),
        Section::Stream(_) | Section::Queue(_) => None,
    }
}
