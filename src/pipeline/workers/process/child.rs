//! One process and its children, as one group: started together, killed together.
//!
//! Nothing here outlives its worker's task: a dropped [`Child`] kills its group. When the daemon
//! itself is killed, nobody is left who could; the process then sees the end of its stdin.

use super::{
    Fault,
    program::Program,
    words::{Words, listen},
};
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use std::{io, process::ExitStatus, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{ChildStdin, ChildStdout},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tracing::Instrument;

/// How often a process that is to end is looked at.
const POLL: Duration = Duration::from_millis(10);
/// Longest time between the end of a process's stdout and its own.
const LEAVE: Duration = Duration::from_secs(1);
/// From SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(1);
/// Longest wait for the rest of what a process said. One that left its group may hold its pipes open.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Longest wait for a killed process to be gone; one that hangs in the kernel is left to it.
const GONE: Duration = Duration::from_secs(5);

/// A running process.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    group: Pid,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    words: Words,
    listeners: Vec<JoinHandle<()>>,
    is_reaped: bool,
}

impl Child {
    /// Starts the program for a worker and logs its stderr.
    ///
    /// # Errors
    /// [`Fault::NoSuchProgram`], [`Fault::NoSuchFolder`], [`Fault::NotStarted`].
    pub fn start(program: &Program, worker: &str) -> Result<Self, Fault> {
        let mut process = program.command(worker).spawn().map_err(|cause| program.not_started(cause))?;
        let pid = process.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let Some(group) = pid else { return Err(program.not_started(io::Error::other("it has no id"))) };
        let (stdin, stdout, stderr) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let mut child = Self {
            process,
            group,
            stdin,
            stdout,
            words: Words::default(),
            listeners: Vec::new(),
            is_reaped: false,
        };
        child.log(stderr, "stderr");
        tracing::info!(pid = child.id(), program = program.name(), "a program was started");
        Ok(child)
    }

    /// Its process id, which is its group's too.
    pub fn id(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    /// Its last words, to be put behind a reason.
    pub fn last_words(&self) -> String {
        self.words.last()
    }

    /// Logs its stdout as well: for a program that is not spoken with.
    pub fn log_stdout(&mut self) {
        let stdout = self.stdout.take();
        self.log(stdout, "stdout");
    }

    fn log(&mut self, source: Option<impl AsyncRead + Unpin + Send + 'static>, name: &'static str) {
        let Some(source) = source else { return };
        let listening = listen(source, name, self.id().unsigned_abs(), self.words.clone());
        self.listeners.push(tokio::spawn(listening.in_current_span()));
    }

    /// True once the process itself has ended, whatever its children do. It stays to be reaped, so
    /// that its id, and its group's, cannot be somebody else's yet.
    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.group), options) {
            Ok(status) => status.is_some(),
            Err(errno) => errno == Errno::CHILD,
        }
    }

    /// Sends a signal to the process and its children.
    pub fn signal(&self, signal: Signal) {
        // A group that has gone needs no signal any more.
        let _ = kill_process_group(self.group, signal);
    }

    /// What the end of its stdout means.
    pub async fn gone(&mut self) -> Fault {
        match self.wait(LEAVE).await {
            true => match self.kill().await {
                Ok(status) => Fault::Ended { status },
                Err(cause) => Fault::Pipe { cause },
            },
            false => Fault::ClosedStdout,
        }
    }

    /// Ends it in good order: closes its stdin, waits, asks by SIGTERM, and kills.
    pub async fn end(&mut self, patience: Duration) {
        self.stdin = None;
        if !self.wait(patience).await {
            tracing::warn!(
                pid = self.id(),
                "a program did not end when its stdin was closed; it gets SIGTERM"
            );
            self.terminate(GRACE).await;
        }
        self.bury().await;
    }

    /// Ends it by SIGTERM, and kills it when it has not ended after `patience`.
    pub async fn end_by_signal(&mut self, patience: Duration) {
        self.terminate(patience).await;
        self.bury().await;
    }

    async fn terminate(&mut self, patience: Duration) {
        self.signal(Signal::TERM);
        if !self.wait(patience).await {
            tracing::warn!(pid = self.id(), "a program did not end when asked to by SIGTERM; it is killed");
        }
    }

    /// Kills what is left of the group, and says how the process ended.
    pub async fn bury(&mut self) {
        match self.kill().await {
            Ok(status) => tracing::info!(pid = self.id(), %status, "a program has ended"),
            Err(cause) => tracing::error!(pid = self.id(), %cause, "a program that was killed is not gone"),
        }
    }

    /// Kills what is left of the group, the process itself too if it runs, and reaps the process.
    async fn kill(&mut self) -> io::Result<ExitStatus> {
        if !self.is_reaped {
            self.signal(Signal::KILL);
        }
        let status = timeout(GONE, self.process.wait()).await.map_err(io::Error::from)??;
        self.is_reaped = true;
        for mut listener in self.listeners.drain(..) {
            if timeout(LAST_WORDS, &mut listener).await.is_err() {
                listener.abort();
            }
        }
        Ok(status)
    }

    /// Waits for the process to end, and hears and forgets what it says meanwhile, so that a full
    /// pipe does not hold it. False when it has not ended within `patience`.
    async fn wait(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut unheard = vec![0; 4_096];
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return false;
            }
            let Some(stdout) = &mut self.stdout else {
                sleep(POLL).await;
                continue;
            };
            if let Ok(Ok(0) | Err(_)) = timeout(POLL, stdout.read(&mut unheard)).await {
                self.stdout = None;
            }
        }
        true
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.signal(Signal::KILL);
        }
        self.listeners.iter().for_each(JoinHandle::abort);
    }
}
