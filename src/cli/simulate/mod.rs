//! `caudal simulate`: the scaling of a pool, rehearsed on a virtual clock.

mod arguments;
mod pool;
mod rehearsed;
mod report;
#[cfg(test)]
mod tests;

pub use arguments::SimulateArguments;

use super::output::{print, width};
use crate::{
    error::Failure,
    simulation::{
        Outcome, PoolModel, on_all_cores, plot,
        traces::{self, Trace},
    },
};
use pool::Pool;
use rehearsed::Rehearsed;
use serde_json::json;
use std::path::Path;

pub(super) fn run(arguments: &SimulateArguments) -> Result<(), Failure> {
    let pool = Pool::of(arguments)?;
    if let Some(name) = &arguments.trace {
        let rehearsed = Rehearsed::new(one(name, &pool.model, arguments.seed)?, &pool, &arguments.versus);
        let all = std::slice::from_ref(&rehearsed);
        page(arguments, all)?;
        if arguments.json {
            return print(&json(&pool, all)?);
        }
        let plots = plot::terminal(&outcomes(all), width());
        return print(&format!("{}{}\n{plots}", report::pool(&pool), report::one(&rehearsed)));
    }
    let all: Vec<Rehearsed> = match arguments.seeds {
        Some(count) => random(arguments.seed, count, &pool, &arguments.versus),
        None => named(arguments, &pool),
    };
    page(arguments, &all)?;
    let all: Vec<Rehearsed> = all.into_iter().map(Rehearsed::summed_up).collect();
    if arguments.json {
        print(&json(&pool, &all)?)?;
    } else {
        let report = if arguments.seeds.is_some() { report::spread(&all) } else { report::many(&all) };
        print(&format!("{}\n{report}", report::pool(&pool)))?;
    }
    report::verdict(&all)
}

fn one(name: &str, model: &PoolModel, seed: u64) -> Result<Trace, Failure> {
    if let Some(trace) = traces::named(name, model, seed) {
        return Ok(trace);
    }
    traces::read(Path::new(name)).map_err(|error| Failure::Configuration(format!("--trace: {error}")))
}

fn named(arguments: &SimulateArguments, pool: &Pool) -> Vec<Rehearsed> {
    let named = traces::NAMES.iter().filter_map(|name| traces::named(name, &pool.model, arguments.seed));
    on_all_cores(named, |trace| Rehearsed::new(trace, pool, &arguments.versus))
}

fn random(first: u64, count: u32, pool: &Pool, versus: &[String]) -> Vec<Rehearsed> {
    let seeds = (0..u64::from(count)).map(|number| first.wrapping_add(number));
    let rehearse = |seed| Rehearsed::new(traces::random(&pool.model, seed), pool, versus).summed_up();
    on_all_cores(seeds, rehearse)
}

fn outcomes(all: &[Rehearsed]) -> Vec<Outcome> {
    all.iter().flat_map(Rehearsed::outcomes).cloned().collect()
}

fn page(arguments: &SimulateArguments, all: &[Rehearsed]) -> Result<(), Failure> {
    let Some(file) = &arguments.html else { return Ok(()) };
    let targets =
        all.iter().map(|rehearsed| (rehearsed.name().to_owned(), rehearsed.targets.clone())).collect();
    let page = plot::html(&outcomes(all), &targets);
    std::fs::write(file, page).map_err(|error| Failure::fault(format!("writing {}", file.display()), error))
}

fn json(pool: &Pool, all: &[Rehearsed]) -> Result<String, Failure> {
    let model = &pool.model;
    let trace = |rehearsed: &Rehearsed| {
        let verdicts: serde_json::Map<String, serde_json::Value> =
            rehearsed.verdicts().map(|(other, verdict)| (other.sizing.clone(), json!(verdict))).collect();
        let met = |target: &crate::simulation::targets::Target| target.is_met(&rehearsed.own.score);
        json!({
            "trace": rehearsed.name(),
            "seconds": rehearsed.seconds,
            "records": rehearsed.records,
            "oracle_worker_seconds": rehearsed.oracle_cost,
            "targets": rehearsed.targets.iter().map(|target| json!({
                "measure": target.measure, "most": target.most, "is_relative": target.is_relative,
                "is_met": met(target),
            })).collect::<Vec<_>>(),
            "verdicts": verdicts,
            "outcomes": rehearsed.outcomes().collect::<Vec<_>>(),
        })
    };
    let answer = json!({
        "pool": {
            "name": pool.name, "min": model.min, "max": model.max, "goal_seconds": model.goal.as_secs_f64(),
            "service_seconds": model.service.as_secs_f64(), "start_seconds": model.start.as_secs_f64(),
            "sink_limit": model.sink_limit,
        },
        "traces": all.iter().map(trace).collect::<Vec<_>>(),
    });
    let text =
        serde_json::to_string_pretty(&answer).map_err(|error| Failure::fault("writing JSON", error))?;
    Ok(text + "\n")
}
