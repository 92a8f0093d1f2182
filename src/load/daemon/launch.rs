//! How a daemon is started, and what it says of itself once it is ready.

use super::{DaemonError, process::Process};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// A port that is free.
const ANY: &str = "127.0.0.1:0";
/// Written by the daemon below its data folder once it is ready.
const RUN_FILE: &str = "run.json";
/// Lines at the end of the log that an error quotes.
const QUOTED: usize = 15;
/// Settings that would close a daemon of ours to the load test; without them it serves this machine only.
const LEFT_OUT: [&str; 2] = ["CAUDAL__ADMIN__TOKEN", "CAUDAL__AWS__CREDENTIALS"];

/// What a daemon is started with.
#[derive(Debug, Clone)]
pub struct Launch {
    /// See [`own_program`].
    pub program: PathBuf,
    pub topology: PathBuf,
    pub data: PathBuf,
    /// What it prints is appended here.
    pub log: PathBuf,
    /// Variables besides those of this process, such as those that its topology names.
    pub environment: Vec<(String, String)>,
    /// Longest wait until it is ready, and until it has drained.
    pub patience: Duration,
}

/// The program that runs here: its daemon is of the same build.
///
/// # Errors
/// When the system does not tell.
pub fn own_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Where a daemon is told to listen.
#[derive(Debug, Clone)]
pub(super) struct Ports {
    ingress: String,
    admin: String,
    aws: String,
}

/// What a daemon writes once it is ready.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RunFile {
    pub pid: u32,
    pub ingress: BTreeMap<String, String>,
    pub admin: String,
    #[serde(default)]
    pub aws: Option<String>,
}

impl Ports {
    pub(super) fn any() -> Self {
        Self { ingress: ANY.to_owned(), admin: ANY.to_owned(), aws: ANY.to_owned() }
    }

    pub(super) fn of(run: &RunFile) -> Self {
        let or_any = |address: Option<&String>| address.cloned().unwrap_or_else(|| ANY.to_owned());
        Self {
            ingress: or_any(run.ingress.values().next()),
            admin: run.admin.clone(),
            aws: or_any(run.aws.as_ref()),
        }
    }
}

impl Launch {
    pub(super) fn named(&self) -> String {
        format!("{} run {}", self.program.display(), self.topology.display())
    }

    pub(super) fn spawn(&self, ports: &Ports) -> Result<Process, DaemonError> {
        let log_failed = |source| DaemonError::Log { path: self.log.clone(), source };
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log).map_err(log_failed)?;
        let mut command = Command::new(&self.program);
        command.arg("run").arg(&self.topology).arg("--data").arg(&self.data);
        command.args(["--ingress", &ports.ingress, "--admin", &ports.admin, "--aws", &ports.aws]);
        // It must not outlive whoever drives, who may be killed: then the other end of its input is closed.
        command.args(["--log-format", "json", "--until-input-ends"]);
        for name in LEFT_OUT {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Ctrl-C in a terminal is for whoever drives: it still has to prove before the daemon ends.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(log.try_clone().map_err(log_failed)?).stderr(log);
        let child = command.spawn();
        child.map(Process::from).map_err(|source| DaemonError::Start { what: self.named(), source })
    }

    /// A run file is of the daemon that is started, or of none.
    pub(super) fn forget_run_file(&self) -> Result<(), DaemonError> {
        let path = self.data.join(RUN_FILE);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(DaemonError::RunFile { path, source })
            }
            _ => Ok(()),
        }
    }

    /// What the daemon has written, once it has.
    pub(super) fn run_file(&self) -> Option<RunFile> {
        serde_json::from_slice(&fs::read(self.data.join(RUN_FILE)).ok()?).ok()
    }

    /// The end of the log, for messages.
    pub(super) fn last_lines(&self) -> String {
        last_lines(&self.log)
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(QUOTED);
    let quoted = lines.iter().skip(first).map(|line| format!("\n  {line}"));
    format!("; the end of {}:{}", log.display(), quoted.collect::<String>())
}
