//! A whole run: from a scenario to what it has shown.
//!
//! ```text
//!  premises (daemon, sink) ─▶ drive beside faults and watch ─▶ proof, still watched ─▶ outcome
//! ```

mod clock;
mod machine;
mod observer;
mod premises;
mod recording;

pub use observer::{Observer, Options, Phase, Progress};
pub use premises::PremisesError;

use super::{
    admin::AdminError,
    arrivals::StagePlan,
    aws_endpoint::AwsError,
    daemon::DaemonError,
    driver::{Drive, DriveError, Load},
    faults::{self, CalledOff, FaultError, Planned},
    ledger::Ledger,
    outcome::{FaultOutcome, Outcome},
    proof::{ProofError, ProofSources, Prover},
    records::{FileError, Payloads},
    scenario::Scenario,
    target::{self, Sender, TargetError},
};
use crate::simulation::traces::TraceError;
use clock::Begin;
use premises::Premises;
use recording::Recording;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval_at},
};

const SECOND: Duration = Duration::from_secs(1);

/// Why a run has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Premises(#[from] PremisesError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error(transparent)]
    Records(#[from] FileError),
    #[error(transparent)]
    Drive(#[from] DriveError),
    #[error(transparent)]
    Fault(#[from] FaultError),
    #[error("a task of the run failed: {0}")]
    Task(#[from] JoinError),
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Runs a scenario to its end, or to where a threshold or the observer ends it; whether what came of it is good
/// is judged by others. Nothing is proven of a target whose data folder is not known.
///
/// # Errors
/// [`LoadError`] when it cannot begin, when a fault cannot be done, or when its ledgers are lost.
pub async fn run(scenario: &Scenario, options: &Options, observer: &Observer) -> Result<Outcome, LoadError> {
    let plan = |stage| StagePlan::new(stage, options.factors);
    let stages: Vec<StagePlan> = scenario.stages.iter().map(plan).collect::<Result<_, _>>()?;
    let payloads = Payloads::new(&scenario.records)?;
    observer.tell(Progress::default());
    let premises = Premises::open(scenario, options).await?;
    let prover = prover(scenario, &premises).await?;
    let troubles = troubles(scenario, options, &stages);
    faults::check(&scenario.faults, &premises.scene).await?;
    let senders = senders(scenario, &premises).await?;

    let length: Duration = stages.iter().map(|stage| stage.length).sum();
    let began = Begin::soon();
    let load = Load {
        stages,
        keys: scenario.records.keys().clone(),
        payloads,
        seed: scenario.scenario.seed,
        senders,
        batch: usize::try_from(scenario.target.batch).unwrap_or(usize::MAX),
        timeout: scenario.target.timeout.0,
    };
    let mut recording = Recording::new(scenario, began, premises.watch(began.at), observer);
    recording.outcome.target = format!("{} {}", scenario.target.protocol.name(), premises.url);
    let mut tasks = JoinSet::new();
    let (call_off, called_off) = CalledOff::told_by();
    tasks.spawn(faults::carry_out(troubles, Arc::clone(&premises.scene), began.instant, called_off));
    let mut drive = Drive::start(load, began.instant, began.at)?;
    driven(&mut drive, &mut tasks, &mut recording).await?;
    let planned_until = (began.instant + length).min(Instant::now());
    let ledgers = drive.into_ledgers();
    if recording.outcome.cut_short.is_some() {
        call_off.send_replace(true);
    }
    while let Some(done) = tasks.join_next().await {
        recording.outcome.faults.extend(done??);
    }
    if let Some(prover) = prover {
        proven(prover, &ledgers, planned_until, &mut recording).await?;
    }
    let outcome = recording.finished().await;
    premises.close(&outcome).await?;
    Ok(outcome)
}

async fn prover(scenario: &Scenario, premises: &Premises) -> Result<Option<Prover>, LoadError> {
    let (Some(spec), Some(data)) = (&scenario.proof, &premises.data) else { return Ok(None) };
    let sources = ProofSources {
        data: data.clone(),
        admin: premises.scene.admin.clone(),
        aws: premises.scene.aws.clone(),
        began_ms: Begin::soon().at,
    };
    Ok(Some(Prover::begin(spec.clone(), sources).await?))
}

async fn senders(scenario: &Scenario, premises: &Premises) -> Result<Vec<Sender>, TargetError> {
    let environment = |name: &str| std::env::var(name).ok();
    target::look(&scenario.target, &premises.url, &environment).await?;
    let run = Begin::soon().run_name();
    target::senders(&scenario.target, &premises.url, &run, &environment).await
}

/// The faults, at their times within the stages as they are driven.
fn troubles(scenario: &Scenario, options: &Options, stages: &[StagePlan]) -> Vec<Planned> {
    let faults: Vec<_> = scenario.faults.iter().map(|fault| fault.shortened(options.factors.times)).collect();
    let mut from = Duration::ZERO;
    let begin = |stage: &StagePlan| {
        let begin = from;
        from += stage.length;
        (stage.name.clone(), begin)
    };
    let begins: Vec<(String, Duration)> = stages.iter().map(begin).collect();
    faults::plan(&faults, &begins)
}

type Faults = JoinSet<Result<Vec<FaultOutcome>, FaultError>>;

/// Records each second until the drive has ended.
async fn driven(
    drive: &mut Drive,
    faults: &mut Faults,
    recording: &mut Recording<'_>,
) -> Result<(), LoadError> {
    let mut seconds = interval_at((recording.began.instant + SECOND).into(), SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_over = tokio::select! {
            ended = drive.ended() => ended.map(|()| true)?,
            Some(done) = faults.join_next(), if !faults.is_empty() => {
                recording.outcome.faults.extend(done??);
                continue;
            }
            _ = seconds.tick() => false,
        };
        let sample = drive.sample();
        let (stage, length) = drive.stage_at(sample.second);
        recording.second(Phase::Driving, sample, (stage, length)).await;
        if is_over {
            recording.gathered(drive.gathered());
            return Ok(());
        }
        if recording.is_cut_short(|| drive.gathered()) {
            drive.stop();
        }
    }
}

/// Proves what arrived, and records each second meanwhile: what drains is seen.
async fn proven(
    mut prover: Prover,
    ledgers: &[Ledger],
    planned_until: Instant,
    recording: &mut Recording<'_>,
) -> Result<(), LoadError> {
    let mut seconds = interval_at((Instant::now() + SECOND).into(), SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let proving = prover.prove(ledgers, planned_until);
    tokio::pin!(proving);
    let (proof, hops) = loop {
        tokio::select! {
            proven = &mut proving => break proven?,
            _ = seconds.tick() => recording.quiet_second().await,
        }
    };
    (recording.outcome.proof, recording.outcome.hops) = (Some(proof), hops);
    Ok(())
}
