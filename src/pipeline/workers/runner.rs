//! What is done with received messages: rules, a call to a server, or a program.

use super::{Run, http_runner::HttpRunner, process::Program, rules_runner::RulesRunner};
use crate::{pipeline::rules::RuleError, storage::LeasedMessage};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

/// Why a pool of workers cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    #[error("workers {node}: run has {found} of rules, http and command; give exactly one")]
    Run { node: String, found: &'static str },
    #[error("workers {node}: run.command names no program; give one, such as [\"python3\", \"review.py\"]")]
    NoProgram { node: String },
    #[error("workers {node}: {cause}")]
    Rules { node: String, cause: RuleError },
    #[error("workers {node}: run.http.url {url:?} {fault}")]
    Url { node: String, url: String, fault: String },
    #[error("workers {node}: making the HTTP client: {cause}")]
    Client { node: String, cause: reqwest::Error },
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Done, with results for the target.
    Done(Vec<Bytes>),
    /// Left out on purpose.
    Filtered,
    /// It can never be processed.
    Hopeless { reason: String },
    /// Another attempt may help; `after` is what the server asked for.
    Failed { reason: String, after: Option<Duration> },
    /// Its program was killed while it held the message, which comes again at once.
    Interrupted { reason: String },
    /// Nobody has tried; it comes again at once.
    Returned,
}

/// The work of a pool.
#[derive(Debug)]
pub(super) enum Runner {
    Rules(Box<RulesRunner>),
    Http(HttpRunner),
    Program(Arc<Program>),
}

impl Runner {
    /// `queue` names the messages to servers and programs, which get at most `batch` at once.
    pub fn new(node: &str, queue: &str, batch: u32, run: &Run) -> Result<Self, WorkersError> {
        let choice = |found| WorkersError::Run { node: node.to_owned(), found };
        match (&run.rules, &run.http, &run.command) {
            (Some(rules), None, None) => match RulesRunner::new(rules) {
                Ok(runner) => Ok(Self::Rules(Box::new(runner))),
                Err(cause) => Err(WorkersError::Rules { node: node.to_owned(), cause }),
            },
            (None, Some(http), None) => Ok(Self::Http(HttpRunner::new(node, queue, http)?)),
            (None, None, Some(command)) => {
                Ok(Self::Program(Arc::new(Program::new(node, queue, batch, run, command)?)))
            }
            (None, None, None) => Err(choice("none")),
            _ => Err(choice("more than one")),
        }
    }

    /// The fate of each message, in order. A program is not run so: its worker speaks with it.
    pub async fn run(&self, messages: &[LeasedMessage]) -> Vec<Fate> {
        match self {
            Self::Rules(runner) => runner.run(messages).await,
            Self::Http(runner) => runner.run(messages).await,
            Self::Program(_) => vec![Fate::Returned; messages.len()],
        }
    }

    /// Version of the rules, if it is rules that run.
    pub fn rules_version(&self) -> Option<&str> {
        match self {
            Self::Rules(runner) => Some(runner.version()),
            Self::Http(_) | Self::Program(_) => None,
        }
    }
}
