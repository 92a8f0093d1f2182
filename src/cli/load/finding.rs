//! `caudal load --find-max`: trial after trial, each a fresh run.

use super::{LoadArguments, running::Driver, write};
use crate::{
    cli::output::print,
    error::Failure,
    load::{
        find_max::{Search, Terms, Trial, Trials, first_rate, trial},
        outcome::Outcome,
        run::Options,
        scenario::Scenario,
    },
    units::Span,
};
use std::time::Duration;

const TRIAL: Span = Span(Duration::from_secs(15));
const TRIALS: u32 = 12;
const PRECISION: f64 = 0.05;
/// Between two trials.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) fn run(
    driver: &Driver,
    scenario: &Scenario,
    options: &Options,
    arguments: &LoadArguments,
) -> Result<(), Failure> {
    let terms = Terms {
        first: first_rate(scenario),
        trials: arguments.trials.unwrap_or(TRIALS),
        precision: PRECISION,
    };
    let length = arguments.trial.unwrap_or(TRIAL).0;
    let (mut search, mut trials) = (Search::new(terms), Trials::default());
    let mut best: Option<Outcome> = None;
    print(&format!(
        "{}: the highest rate that holds, in trials of {}\n",
        scenario.scenario.name,
        Span(length)
    ))?;
    while let Some(rate) = search.next_rate() {
        if !trials.is_empty() {
            driver.rest(PAUSE);
        }
        let options = Options {
            data: options.data.as_ref().map(|data| data.join(format!("trial-{}", trials.len() + 1))),
            ..options.clone()
        };
        let outcome = driver.drive(&trial(scenario, rate, length), &options)?;
        let ended = Trial::of(rate, &outcome);
        if ended.is_interrupted() {
            return Err(Failure::fault("caudal load --find-max", "interrupted"));
        }
        search.tell(rate, ended.has_held());
        print(&format!("{}\n", ended.text()))?;
        if ended.has_held() && best.as_ref().is_none_or(|best| best.totals.planned < outcome.totals.planned) {
            best = Some(outcome);
        }
        trials.add(ended);
    }
    if let Some(best) = &best {
        write(arguments, best, &scenario.thresholds)?;
    }
    print(&format!("\n{}\n", trials.verdict(&search)))?;
    match search.found() {
        Some(_) => Ok(()),
        None => Err(Failure::fault(scenario.scenario.name.clone(), "no rate that was tried holds")),
    }
}
