//! A whole run: from a scenario to what it has shown.

mod clock;
mod machine;
mod observer;

pub use observer::{Observer, Options, Phase, Progress};

use super::{
    arrivals::StagePlan,
    driver::{Drive, DriveError, Load},
    outcome::{Outcome, Sample},
    records::{FileError, Payloads},
    scenario::Scenario,
    target::{self, TargetError},
};
use crate::simulation::traces::TraceError;
use clock::Begin;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval_at};

const SECOND: Duration = Duration::from_secs(1);

/// Why a run has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the scenario names no url, and no topology to start a daemon with; give either")]
    NoTarget,
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error(transparent)]
    Records(#[from] FileError),
    #[error(transparent)]
    Drive(#[from] DriveError),
}

/// Runs a scenario to its end, or to where the observer stops it; what came of it is judged by others.
///
/// # Errors
/// [`LoadError`] when it cannot begin, or when its ledgers are lost.
pub async fn run(scenario: &Scenario, options: &Options, observer: &Observer) -> Result<Outcome, LoadError> {
    let plan = |stage| StagePlan::new(stage, options.shorten);
    let stages: Vec<StagePlan> = scenario.stages.iter().map(plan).collect::<Result<_, _>>()?;
    let payloads = Payloads::new(&scenario.records)?;
    let url = scenario.target.url.clone().ok_or(LoadError::NoTarget)?;
    let began = Begin::soon();
    let environment = |name: &str| std::env::var(name).ok();
    let senders = target::senders(&scenario.target, &url, &began.run_name(), &environment).await?;
    let load = Load {
        stages,
        keys: scenario.records.keys().clone(),
        payloads,
        seed: scenario.scenario.seed,
        senders,
        batch: usize::try_from(scenario.target.batch).unwrap_or(usize::MAX),
        timeout: scenario.target.timeout.0,
    };
    let mut drive = Drive::start(load, began.instant, began.at)?;
    let samples = watched(&mut drive, began, observer).await?;
    let gathered = drive.gathered();
    Ok(Outcome {
        scenario: scenario.scenario.name.clone(),
        about: scenario.scenario.about.clone(),
        seed: scenario.scenario.seed,
        began_at: began.shown(),
        machine: machine::machine(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: format!("{} {url}", scenario.target.protocol.name()),
        seconds: began.instant.elapsed().as_secs_f64(),
        totals: gathered.totals,
        stages: gathered.stages,
        samples,
        ..Outcome::default()
    })
}

/// Takes a sample each second until the drive has ended.
async fn watched(drive: &mut Drive, began: Begin, observer: &Observer) -> Result<Vec<Sample>, LoadError> {
    let mut samples = Vec::new();
    let mut seconds = interval_at(began.instant.into(), SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seconds.tick().await;
    loop {
        let is_over = tokio::select! {
            ended = drive.ended() => ended.map(|()| true)?,
            _ = seconds.tick() => false,
        };
        let sample = drive.sample();
        observer.tell(progress(drive, &sample));
        samples.push(sample);
        if is_over {
            return Ok(samples);
        }
        if observer.is_stopped() {
            drive.stop();
        }
    }
}

fn progress(drive: &Drive, sample: &Sample) -> Progress {
    let (stage, length) = drive.stage_at(sample.second);
    Progress { phase: Phase::Driving, stage, second: sample.second, length, sample: sample.clone() }
}
