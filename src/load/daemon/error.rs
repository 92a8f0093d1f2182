//! Why a daemon does not run.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why a daemon that a load test needs does not run. The run pays: it ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("starting {what}: {source}")]
    Start { what: String, source: io::Error },
    #[error("writing the daemon's log to {path}: {source}; choose another folder")]
    Log { path: PathBuf, source: io::Error },
    #[error("removing {path}, which an earlier daemon left: {source}")]
    RunFile { path: PathBuf, source: io::Error },
    #[error("the daemon ended with {status} before it was ready{log}")]
    Ended { status: ExitStatus, log: String },
    #[error("the daemon was not ready after {} s and was killed{log}", .after.as_secs())]
    NotReady { after: Duration, log: String },
    #[error("the daemon did not stop clean: {how}{log}")]
    Stop { how: String, log: String },
}
