//! Why a fault cannot be done.

use crate::load::{admin::AdminError, aws_endpoint::AwsError, daemon::DaemonError, scenario::FaultKind};
use std::{io, path::PathBuf};

/// Why a fault cannot be done. The run pays: it ends, for without the fault it shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    #[error("fault {kind} needs {what}; give the scenario a topology, so that a daemon is started for it")]
    Needs { kind: &'static str, what: &'static str },
    #[error("fault {kind} names pool {pool:?}, which there is not; there are: {known}")]
    NoPool { kind: &'static str, pool: String, known: String },
    #[error(
        "fault consumer_outage: pool {pool:?} keeps at least {min} worker(s); set min = 0 in its scale, so that \
         nobody takes from its queue"
    )]
    Staffed { pool: String, min: u32 },
    #[error(
        "fault worker_crash: the daemon runs no process of pool {pool:?}; it must be a pool that runs a command, \
         with a worker in service"
    )]
    NoProcess { pool: String },
    #[error(
        "fault disk_full: {path} lies on a file system of {total} bytes; put the data folder (--data) on one of \
         its own of less than {most}, such as a tmpfs of 600 MiB"
    )]
    LargeDisk { path: PathBuf, total: u64, most: u64 },
    #[error("fault disk_full: {path} has {available} bytes free, and {free} are to be left; leave less")]
    FullAlready { path: PathBuf, available: u64, free: u64 },
    #[error("fault disk_full: filling {path}: {source}")]
    Fill { path: PathBuf, source: io::Error },
    #[error("fault split_shard: stream {stream:?} has no open shard that can be split")]
    NoShard { stream: String },
    #[error("fault worker_crash: killing process {id}: {source}")]
    Kill { id: u32, source: io::Error },
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
}

impl FaultError {
    pub(super) fn needs(kind: &FaultKind, what: &'static str) -> Self {
        Self::Needs { kind: super::name(kind), what }
    }
}
