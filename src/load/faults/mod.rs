//! What goes wrong while a load test runs, really done: processes are killed, disks filled, sinks slowed.

mod ballast;
mod called_off;
mod check;
mod error;
mod outage;
mod programs;
mod shards;

pub use called_off::CalledOff;
pub use check::check;
pub use error::FaultError;

use super::{
    admin::Admin,
    aws_endpoint::AwsEndpoint,
    daemon::{Daemon, ProcessId},
    outcome::FaultOutcome,
    scenario::{Fault, FaultKind},
    sink::{Conduct, Sink},
};
use crate::units::Span;
use ballast::Ballast;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::sleep};

/// What faults are done to. Each kind needs another part; see [`check`].
#[derive(Debug, Default)]
pub struct Scene {
    pub daemon: Option<Arc<Mutex<Daemon>>>,
    pub process: Option<ProcessId>,
    pub admin: Option<Admin>,
    pub sink: Option<Arc<Sink>>,
    pub data: Option<PathBuf>,
    /// Where streams are asked for, and shards split.
    pub aws: Option<AwsEndpoint>,
}

/// A fault and its time since the run began.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    pub at: Duration,
    pub kind: FaultKind,
}

/// When each fault is due, by the stages that they name; stages are given with their begin since the run
/// began. One of a stage that there is not is left out: scenarios are checked for it.
pub fn plan(faults: &[Fault], stages: &[(String, Duration)]) -> Vec<Planned> {
    let due = |fault: &Fault| {
        let (_, begin) = stages.iter().find(|(name, _)| *name == fault.stage)?;
        let at = *begin + fault.after.map_or(Duration::ZERO, |after| after.0);
        Some(Planned { at, kind: fault.kind.clone() })
    };
    let mut planned: Vec<Planned> = faults.iter().filter_map(due).collect();
    planned.sort_by_key(|fault| fault.at);
    planned
}

/// Does each fault at its time, also several at once; returns when the last is over. One that is called off before
/// it begins is left out, one that lasts then ends. Dropped before, it
/// takes back what would stay: a ballast file is removed.
///
/// # Errors
/// The first fault that could not be done: without it the run shows nothing.
pub async fn carry_out(
    planned: Vec<Planned>,
    scene: Arc<Scene>,
    began: Instant,
    called_off: CalledOff,
) -> Result<Vec<FaultOutcome>, FaultError> {
    let each = planned.into_iter().map(|fault| {
        let (scene, called_off) = (Arc::clone(&scene), called_off.clone());
        async move {
            if called_off.within(fault.at.saturating_sub(began.elapsed())).await {
                return Ok::<_, FaultError>(None);
            }
            let from = began.elapsed();
            let detail = scene.does(&fault.kind, &called_off).await?;
            Ok(Some(FaultOutcome {
                from: from.as_secs_f64(),
                seconds: began.elapsed().saturating_sub(from).as_secs_f64(),
                kind: name(&fault.kind).to_owned(),
                detail,
            }))
        }
    });
    let done = futures::future::try_join_all(each).await?;
    Ok(done.into_iter().flatten().collect())
}

/// The kind of a fault as scenarios write it.
fn name(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::KillDaemon { .. } => "kill_daemon",
        FaultKind::WorkerCrash { .. } => "worker_crash",
        FaultKind::ConsumerOutage { .. } => "consumer_outage",
        FaultKind::SlowSink { .. } => "slow_sink",
        FaultKind::SinkOutage { .. } => "sink_outage",
        FaultKind::DiskFull { .. } => "disk_full",
        FaultKind::SplitShard { .. } => "split_shard",
    }
}

impl Scene {
    /// Does a fault from its begin to its end; returns what was done and seen.
    async fn does(&self, kind: &FaultKind, called_off: &CalledOff) -> Result<String, FaultError> {
        match kind {
            FaultKind::KillDaemon { down } => self.kill(*down).await,
            FaultKind::WorkerCrash { pool } => {
                programs::crash(self.process.as_ref().and_then(ProcessId::get), pool).await
            }
            FaultKind::ConsumerOutage { pool, lasting } => {
                let admin = self.admin.as_ref().ok_or(FaultError::needs(kind, "an admin server"))?;
                outage::of_consumers(admin, pool, lasting.0, called_off).await
            }
            FaultKind::SlowSink { delay, lasting } => {
                let slow = Conduct { delay: delay.0, is_out: false };
                self.sink_conducts(kind, slow, *lasting, called_off).await
            }
            FaultKind::SinkOutage { lasting } => {
                let out = Conduct { delay: Duration::ZERO, is_out: true };
                self.sink_conducts(kind, out, *lasting, called_off).await
            }
            FaultKind::DiskFull { free, lasting } => {
                let data = self.data.as_deref().ok_or(FaultError::needs(kind, "a data folder"))?;
                let ballast = Ballast::fill(data, free.0)?;
                called_off.within(lasting.0).await;
                Ok(format!("{} bytes were taken and given back", ballast.bytes()))
            }
            FaultKind::SplitShard { stream } => {
                let aws = self.aws.as_ref().ok_or(FaultError::needs(kind, "an AWS endpoint"))?;
                shards::split(aws, self.admin.as_ref(), stream).await
            }
        }
    }

    async fn kill(&self, down: Option<Span>) -> Result<String, FaultError> {
        let kind = FaultKind::KillDaemon { down };
        let daemon = self.daemon.as_ref().ok_or(FaultError::needs(&kind, "a daemon of its own"))?;
        let mut daemon = daemon.lock().await;
        daemon.kill();
        sleep(down.map_or(Duration::ZERO, |down| down.0)).await;
        let took = daemon.restart().await?;
        Ok(format!("killed, ready again after {:.2} s", took.as_secs_f64()))
    }

    async fn sink_conducts(
        &self,
        kind: &FaultKind,
        conduct: Conduct,
        lasting: Span,
        called_off: &CalledOff,
    ) -> Result<String, FaultError> {
        let sink = self.sink.as_ref().ok_or(FaultError::needs(kind, "the load test's own sink"))?;
        let (taken, refused) = sink.answered();
        sink.conduct(conduct);
        called_off.within(lasting.0).await;
        sink.conduct(Conduct::default());
        let (taken_after, refused_after) = sink.answered();
        Ok(format!(
            "{} batches taken and {} refused meanwhile",
            taken_after.saturating_sub(taken),
            refused_after.saturating_sub(refused)
        ))
    }
}

#[cfg(test)]
mod tests;
