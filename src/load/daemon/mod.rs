//! A daemon that a load test starts for itself, kills and starts again.

mod error;
mod launch;
mod process;

pub use error::DaemonError;
pub use launch::{Launch, own_program};
pub use process::ProcessId;

use launch::{Ports, RunFile};
use process::Process;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How often a daemon that starts or stops is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A running daemon; killed when dropped. After a restart it listens where it did before, so that
/// clients need not know of it.
#[derive(Debug)]
pub struct Daemon {
    launch: Launch,
    process: Option<Process>,
    /// Shared with whoever watches: the process changes with a restart.
    id: ProcessId,
    /// Where its first ingress takes records, such as `http://127.0.0.1:8080`; none in a topology without ingress.
    pub ingress: Option<String>,
    /// Where each ingress takes records, by name.
    pub ingresses: BTreeMap<String, String>,
    pub admin: String,
    /// Where it speaks AWS's protocols.
    pub aws: Option<String>,
    ports: Ports,
}

impl Daemon {
    /// Starts a daemon and waits until every node of it is up.
    ///
    /// # Errors
    /// See [`DaemonError`]; nothing runs any more then.
    pub async fn start(launch: Launch) -> Result<Self, DaemonError> {
        let (process, run) = begin(&launch, &Ports::any()).await?;
        let id = ProcessId::default();
        id.set(Some(process.id()));
        let url = |address: &String| format!("http://{address}");
        Ok(Self {
            process: Some(process),
            id,
            ingress: run.ingress.values().next().map(url),
            ingresses: run.ingress.iter().map(|(name, address)| (name.clone(), url(address))).collect(),
            admin: url(&run.admin),
            aws: run.aws.as_ref().map(url),
            ports: Ports::of(&run),
            launch,
        })
    }

    /// The id of its process, now and after restarts.
    pub fn process_id(&self) -> ProcessId {
        self.id.clone()
    }

    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// SIGKILL, as `kill -9` or the kernel's want of memory has it; returns when the process is gone.
    pub fn kill(&mut self) {
        self.id.set(None);
        self.process = None;
    }

    /// Starts it again, on its ports and data; returns how long it took to be ready.
    ///
    /// # Errors
    /// See [`DaemonError`].
    pub async fn restart(&mut self) -> Result<Duration, DaemonError> {
        self.kill();
        let begun = Instant::now();
        let (process, _) = begin(&self.launch, &self.ports).await?;
        self.id.set(Some(process.id()));
        self.process = Some(process);
        Ok(begun.elapsed())
    }

    /// SIGTERM: it drains and ends. One that does not within the launch's patience is killed.
    ///
    /// # Errors
    /// [`DaemonError::Stop`] when it did not end clean.
    pub async fn stop(mut self) -> Result<(), DaemonError> {
        self.id.set(None);
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let stopped = |how: String| DaemonError::Stop { how, log: self.launch.last_lines() };
        process.terminate().map_err(|error| stopped(format!("it cannot be asked to: {error}")))?;
        let begun = Instant::now();
        while begun.elapsed() < self.launch.patience {
            match process.ended().map_err(|error| stopped(error.to_string()))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(stopped(format!("it ended with {status}"))),
                None => sleep(POLL).await,
            }
        }
        Err(stopped(format!("it was killed after {} s", self.launch.patience.as_secs())))
    }
}

/// Starts a process and waits for the file by which it says that it is ready.
async fn begin(launch: &Launch, ports: &Ports) -> Result<(Process, RunFile), DaemonError> {
    launch.forget_run_file()?;
    let mut process = launch.spawn(ports)?;
    let begun = Instant::now();
    while begun.elapsed() < launch.patience {
        let ended = process.ended().map_err(|source| DaemonError::Start { what: launch.named(), source })?;
        if let Some(status) = ended {
            return Err(DaemonError::Ended { status, log: launch.last_lines() });
        }
        if let Some(run) = launch.run_file().filter(|run| run.pid == process.id()) {
            return Ok((process, run));
        }
        sleep(POLL).await;
    }
    Err(DaemonError::NotReady { after: launch.patience, log: launch.last_lines() })
}

#[cfg(test)]
mod tests;
