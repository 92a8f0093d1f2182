//! The pool that is rehearsed: of a topology, or the default one.

use super::SimulateArguments;
use crate::{
    cli::check::load,
    error::Failure,
    pipeline::{Scale, ScaleMode},
    simulation::{OwnSizing, PoolModel, Sizing},
    topology::{PlannedNode, Section},
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
        let (name, scale) = scale_of(file, arguments.pool.as_deref())?;
        let model = PoolModel { min: scale.min, max: scale.max, goal: scale.goal_age.0, ..timed };
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

fn scale_of(file: &Path, name: Option<&str>) -> Result<(String, Scale), Failure> {
    let plan = load(file)?;
    let pools: Vec<(&str, Scale)> =
        plan.nodes.iter().filter_map(|node| Some((node.name.as_str(), scale(node)?))).collect();
    let names = || pools.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found = match (name, pools.as_slice()) {
        (Some(name), _) => pools.iter().find(|(pool, _)| *pool == name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some((name, scale)) = found else {
        let asked = name.map_or_else(|| "is needed".to_owned(), |name| format!("{name:?} is no pool"));
        return Err(refused(format!("--pool: {asked}; the pools of {} are: {}", file.display(), names())));
    };
    Ok(((*name).to_owned(), scale.clone()))
}

fn scale(node: &PlannedNode) -> Option<Scale> {
    match &node.section {
        Section::Workers(workers) => Some(workers.scale.clone()),
        Section::Ingress(ingress) => Some(ingress.pool_scale()),
        Section::Stream(_) | Section::Queue(_) | Section::Raw(_) | Section::Loader(_) => None,
    }
}
