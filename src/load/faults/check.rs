//! Whether faults can be done, before anything is sent.

use super::{FaultError, Scene, ballast, name};
use crate::load::{
    admin::{Health, Pool},
    scenario::{Fault, FaultKind},
};

/// Looks for what each fault needs.
///
/// # Errors
/// The first fault that could not be done.
pub async fn check(faults: &[Fault], scene: &Scene) -> Result<(), FaultError> {
    let health = match &scene.admin {
        Some(admin) => Some(admin.health().await?),
        None => None,
    };
    faults.iter().try_for_each(|fault| check_one(&fault.kind, scene, health.as_ref()))
}

fn check_one(kind: &FaultKind, scene: &Scene, health: Option<&Health>) -> Result<(), FaultError> {
    let needs = |is_there: bool, what| if is_there { Ok(()) } else { Err(FaultError::needs(kind, what)) };
    match kind {
        FaultKind::KillDaemon { .. } => needs(scene.daemon.is_some(), "a daemon of its own"),
        FaultKind::SlowSink { .. } | FaultKind::SinkOutage { .. } => {
            needs(scene.sink.is_some(), "the load test's own sink")
        }
        FaultKind::SplitShard { .. } => needs(scene.aws.is_some(), "an AWS endpoint"),
        FaultKind::WorkerCrash { pool } => {
            needs(scene.process.is_some(), "a daemon of its own")?;
            let health = health.ok_or(FaultError::needs(kind, "an admin server"))?;
            find(kind, health, pool).map(drop)
        }
        FaultKind::ConsumerOutage { pool, .. } => {
            let health = health.ok_or(FaultError::needs(kind, "an admin server"))?;
            match find(kind, health, pool)?.min {
                0 => Ok(()),
                min => Err(FaultError::Staffed { pool: pool.clone(), min }),
            }
        }
        FaultKind::DiskFull { free, .. } => {
            let data = scene.data.as_deref().ok_or(FaultError::needs(kind, "a data folder"))?;
            ballast::length(data, free.0).map(drop)
        }
    }
}

fn find<'a>(kind: &FaultKind, health: &'a Health, pool: &str) -> Result<&'a Pool, FaultError> {
    let found = health.nodes.get(pool).and_then(|node| node.pool.as_ref());
    found.ok_or_else(|| {
        let pools = health.nodes.iter().filter(|(_, node)| node.pool.is_some());
        let known: Vec<&str> = pools.map(|(name, _)| name.as_str()).collect();
        FaultError::NoPool { kind: name(kind), pool: pool.to_owned(), known: known.join(", ") }
    })
}
