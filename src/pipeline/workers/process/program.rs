//! A program as the topology gives it, and how one process of it is started.

use super::{Fault, protocol};
use crate::{
    pipeline::{
        WorkerTerms,
        workers::{Environment, Run, WorkersError},
    },
    units::{ByteSize, Span},
};
use std::{path::Path, process::Stdio, time::Duration};
use tokio::process::Command;

/// What a program has of the daemon's own environment: where things are and how to speak, no secrets.
const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// A program with all that the topology says of it.
#[derive(Debug)]
pub(in crate::pipeline::workers) struct Program {
    name: String,
    arguments: Vec<String>,
    environment: Environment,
    directory: Option<String>,
    /// What it is told of its place, besides its worker's name.
    node: String,
    queue: String,
    batch: u32,
    pub pulls: bool,
    pub says_ready: bool,
    pub start: Span,
    pub time: Span,
    pub hold: Span,
    pub stop: Duration,
    pub memory: Option<ByteSize>,
}

impl Program {
    /// `command` is that of `run`.
    ///
    /// # Errors
    /// [`WorkersError::NoProgram`] when the command names none.
    pub fn new(
        node: &str,
        queue: &str,
        batch: u32,
        run: &Run,
        command: &[String],
    ) -> Result<Self, WorkersError> {
        let Some((name, arguments)) = command.split_first().filter(|(name, _)| !name.is_empty()) else {
            return Err(WorkersError::NoProgram { node: node.to_owned() });
        };
        Ok(Self {
            name: name.clone(),
            arguments: arguments.to_vec(),
            environment: run.env.clone(),
            directory: run.directory.clone(),
            node: node.to_owned(),
            queue: queue.to_owned(),
            batch,
            pulls: run.pulls,
            says_ready: run.ready.unwrap_or(true) && !run.pulls,
            start: run.start_limit(),
            time: run.time_limit(),
            hold: run.hold_limit(),
            stop: run.stop_limit().0,
            memory: run.memory,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is expected of its workers' tasks, which watch the program themselves and look at it each
    /// second: only a task that does not come round at all is overdue.
    pub fn terms(&self) -> WorkerTerms {
        let terms = WorkerTerms::default();
        WorkerTerms { warm_up: terms.warm_up.max(self.start.0.saturating_mul(2)), ..terms }
    }

    /// The command of one worker: a process group of its own, pipes for stdin, stdout and stderr, and
    /// an environment that holds nothing but what is meant for it.
    pub fn command(&self, worker: &str) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).env_clear();
        command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("CAUDAL_PROTOCOL", protocol::VERSION.to_string());
        command.env("CAUDAL_NODE", &self.node).env("CAUDAL_WORKER", worker);
        command.env("CAUDAL_QUEUE", &self.queue).env("CAUDAL_BATCH", self.batch.to_string());
        command.env("CAUDAL_TIME", self.time.0.as_secs_f64().to_string());
        command.envs(&self.environment.0);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command
    }

    /// What it means that the command could not be started.
    pub(super) fn not_started(&self, cause: std::io::Error) -> Fault {
        let missing = self.directory.as_ref().filter(|directory| !Path::new(directory).is_dir());
        match (missing, cause.kind()) {
            (Some(directory), _) => Fault::NoSuchFolder { directory: directory.clone() },
            (None, std::io::ErrorKind::NotFound) => Fault::NoSuchProgram { program: self.name.clone() },
            (None, _) => Fault::NotStarted { program: self.name.clone(), cause },
        }
    }
}
