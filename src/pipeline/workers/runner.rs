//! What is done with received messages: rules or a call to a server.

use super::{Run, http_runner::HttpRunner, rules_runner::RulesRunner};
use crate::{pipeline::rules::RuleError, storage::LeasedMessage};
use bytes::Bytes;
use std::time::Duration;

/// Why a pool of workers cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    #[error("workers {node}: run has {found} of rules and http; give exactly one")]
    Run { node: String, found: &'static str },
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
}

/// The work of a pool.
#[derive(Debug)]
pub(super) enum Runner {
    Rules(Box<RulesRunner>),
    Http(HttpRunner),
}

impl Runner {
    /// `queue` names the messages to servers.
    pub fn new(node: &str, queue: &str, run: &Run) -> Result<Self, WorkersError> {
        match (&run.rules, &run.http) {
            (Some(rules), None) => match RulesRunner::new(rules) {
                Ok(runner) => Ok(Self::Rules(Box::new(runner))),
                Err(cause) => Err(WorkersError::Rules { node: node.to_owned(), cause }),
            },
            (None, Some(http)) => Ok(Self::Http(HttpRunner::new(node, queue, http)?)),
            (None, None) => Err(WorkersError::Run { node: node.to_owned(), found: "none" }),
            (Some(_), Some(_)) => Err(WorkersError::Run { node: node.to_owned(), found: "both" }),
        }
    }

    /// The fate of each message, in order.
    pub async fn run(&self, messages: &[LeasedMessage]) -> Vec<Fate> {
        match self {
            Self::Rules(runner) => runner.run(messages).await,
            Self::Http(runner) => runner.run(messages).await,
        }
    }

    /// Version of the rules, if it is rules that run.
    pub fn rules_version(&self) -> Option<&str> {
        match self {
            Self::Rules(runner) => Some(runner.version()),
            Self::Http(_) => None,
        }
    }
}
