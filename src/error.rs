//! Errors that end the process, and their exit codes.

use crate::{
    settings::SettingsError, storage::OpenError, telemetry::LogError, topology::Fault, units::counted,
};
use std::{fmt::Display, path::PathBuf, process::ExitCode};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the process ends otherwise than cleanly. The first line says what, further lines say more.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something went wrong that no variant below names.
    #[error("{doing}: {cause}")]
    Fault {
        /// What was being done, such as "starting the ingress \"collector\"".
        doing: String,
        cause: Cause,
    },
    #[error("{failed} of {total} tests failed")]
    TestsFailed { failed: usize, total: usize },
    #[error("{}{} in {file}", lines(.faults), counted(.faults.len() as u64, "fault"), file = .file.display())]
    Topology { file: PathBuf, faults: Vec<Fault> },
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error("{0}")]
    Logs(#[from] LogError),
    /// Arguments or settings that cannot be used: names the argument, the value and the remedy.
    #[error("{0}")]
    Configuration(String),
    #[error(
        "forced to stop; not finished: {}. Nothing acknowledged is lost: they go on at the next start",
        .stragglers.join(", ")
    )]
    Forced { stragglers: Vec<String> },
    #[error("{0}")]
    Storage(#[from] OpenError),
    /// A flush failed while the daemon ran: what was not acknowledged may or may not be on disk.
    #[error("storage failed: {0}; check the disk, then start again: what was acknowledged is recovered")]
    StorageFailed(String),
    /// The doctor found what it could not or was not asked to repair.
    #[error("{folder} is not in order: {found}", folder = .folder.display())]
    Damaged {
        folder: PathBuf,
        found: String,
        /// No record is at stake.
        harmless: bool,
    },
}

impl Failure {
    /// A failure of no special kind.
    pub fn fault(doing: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::Fault { doing: doing.into(), cause: cause.into() }
    }

    /// 1 fault, 2 bad configuration, 3 forced stop, 4 storage failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Fault { .. } | Self::TestsFailed { .. } => 1,
            Self::Topology { .. } | Self::Settings(_) | Self::Logs(_) | Self::Configuration(_) => 2,
            Self::Forced { .. } => 3,
            Self::Damaged { harmless: true, .. } => 1,
            Self::Storage(_) | Self::StorageFailed(_) | Self::Damaged { .. } => 4,
        }
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        Self::from(failure.exit_code())
    }
}

fn lines(items: &[impl Display]) -> String {
    items.iter().map(|item| format!("{item}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_who_must_act() {
        let code = |failure: Failure| failure.exit_code();
        assert_eq!(code(Failure::fault("reading", "a cause")), 1);
        assert_eq!(code(Failure::TestsFailed { failed: 1, total: 2 }), 1);
        assert_eq!(code(Failure::Topology { file: "t.toml".into(), faults: Vec::new() }), 2);
        assert_eq!(code(Failure::Configuration("--data: no".to_owned())), 2);
        assert_eq!(code(Failure::Forced { stragglers: Vec::new() }), 3);
        assert_eq!(code(Failure::Storage(OpenError::Locked { path: "data".into() })), 4);
        assert_eq!(code(Failure::StorageFailed("fdatasync".to_owned())), 4);
    }
}
