//! `caudal load`: a scenario drives a daemon or an emulator, and what came of it is told and judged.

mod arguments;
mod finding;
mod running;
#[cfg(test)]
mod tests;

pub use arguments::LoadArguments;

use super::output::{print, width};
use crate::{
    error::Failure,
    load::{
        arrivals::Factors,
        outcome::Outcome,
        report,
        run::Options,
        scenario::{self, Scenario, Thresholds},
        thresholds::of_proof_only,
    },
};
use running::Driver;
use std::{io::IsTerminal, path::Path};

/// Percent by which the second of two runs may be worse.
const TOLERANCE: f64 = 10.0;

pub(super) fn run(arguments: &LoadArguments) -> Result<(), Failure> {
    if let [first, second] = arguments.compare.as_slice() {
        return compare(first, second, arguments.tolerance.unwrap_or(TOLERANCE));
    }
    let Some(file) = &arguments.scenario else {
        return Err(Failure::Configuration("name a scenario file, or two files after --compare".to_owned()));
    };
    let scenario = read(file, arguments)?;
    let options = options(arguments);
    let driver = Driver::new()?;
    if arguments.find_max {
        return finding::run(&driver, &scenario, &options, arguments);
    }
    let mut outcome = driver.drive(&scenario, &options)?;
    if arguments.proof_only {
        of_proof_only(&mut outcome.verdicts);
    }
    write(arguments, &outcome, &scenario.thresholds)?;
    print(&report::summary(&outcome))?;
    if scenario.proof.is_some() && outcome.proof.is_none() {
        print(
            "\nnothing is proven: where the target keeps its data is not known; --data names the folder\n",
        )?;
    }
    if std::io::stdout().is_terminal() {
        print(&format!("\n{}", report::terminal(&outcome, &scenario.thresholds, width())))?;
    }
    verdict(&outcome)
}

/// The scenario with what the command line says instead.
fn read(file: &Path, arguments: &LoadArguments) -> Result<Scenario, Failure> {
    let mut scenario =
        scenario::load(file).map_err(|faults| Failure::Topology { file: file.to_owned(), faults })?;
    if let Some(url) = &arguments.url {
        scenario.target.url = Some(url.clone());
        scenario.scenario.topology = None;
    }
    if arguments.proof_only {
        if scenario.proof.is_none() {
            let name = &scenario.scenario.name;
            return Err(Failure::Configuration(format!("--proof-only: the scenario {name} has no [proof]")));
        }
        scenario.thresholds.abort_after = None;
    }
    if let Some(seed) = arguments.seed {
        scenario.scenario.seed = seed;
    }
    Ok(scenario)
}

fn options(arguments: &LoadArguments) -> Options {
    Options {
        topology: arguments.topology.clone(),
        data: arguments.data.clone(),
        factors: Factors {
            times: arguments.short.unwrap_or(Factors::AS_WRITTEN.times),
            rates: arguments.rates.unwrap_or(Factors::AS_WRITTEN.rates),
        },
    }
}

/// Writes the files that are asked for.
fn write(arguments: &LoadArguments, outcome: &Outcome, thresholds: &Thresholds) -> Result<(), Failure> {
    let put = |file: &Path, text: String| {
        std::fs::write(file, text)
            .map_err(|error| Failure::fault(format!("writing {}", file.display()), error))
    };
    if let Some(file) = &arguments.html {
        put(file, report::html(outcome, thresholds))?;
    }
    if let Some(file) = &arguments.csv {
        put(file, report::csv(outcome))?;
    }
    if let Some(file) = &arguments.json {
        let text = report::json(outcome).map_err(|error| Failure::fault("writing JSON", error))?;
        put(file, text)?;
    }
    Ok(())
}

/// # Errors
/// Thresholds that were not held, or a run that did not get far enough to hold them.
fn verdict(outcome: &Outcome) -> Result<(), Failure> {
    let failed: Vec<&str> = outcome.failed().map(|verdict| verdict.threshold.as_str()).collect();
    let cause = match (&failed.as_slice(), &outcome.cut_short) {
        ([], None) => return Ok(()),
        ([], Some(why)) => format!("ended early: {why}"),
        (failed, _) => format!("not held: {}", failed.join(", ")),
    };
    Err(Failure::fault(outcome.scenario.clone(), cause))
}

fn compare(first: &Path, second: &Path, tolerance: f64) -> Result<(), Failure> {
    let read =
        |file| report::read(file).map_err(|error| Failure::Configuration(format!("--compare: {error}")));
    let comparison = report::compare(&read(first)?, &read(second)?, tolerance);
    let name = |file: &Path| file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    print(&comparison.text(&name(first), &name(second)))?;
    match comparison.worse().as_slice() {
        [] => Ok(()),
        worse => {
            Err(Failure::fault(format!("{} is worse than {}", name(second), name(first)), worse.join(", ")))
        }
    }
}
