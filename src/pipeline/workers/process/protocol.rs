//! The protocol between a pool and its programs, version 1; pure.
//!
//! Both sides write JSON, one value on each line, ended by a line feed. A program reads its stdin and
//! writes its stdout; stderr is for people and goes to the log. The text for those who write such a
//! program is `examples/PROTOCOL.md`.
//!
//! Caudal writes one line for each batch, when the one before is answered:
//!
//! ```json
//! {"messages":[{"id":"rides/41","attempt":1,"key":"u1","data":{"travel_time":5359}}]}
//! ```
//!
//! The end of stdin asks the program to end. A program writes:
//!
//! | line | meaning |
//! |---|---|
//! | `{"ready":true,"protocol":1}` | once, first: it can work now (left out with `ready = false`) |
//! | `{"id":"rides/41","status":"done","results":[{...}]}` | done, with any number of results, or none |
//! | `{"id":"rides/41","status":"filtered"}` | left out on purpose |
//! | `{"id":"rides/41","status":"failed","reason":"busy","retry_after":2.5}` | try again, in seconds if asked for |
//! | `{"id":"rides/41","status":"hopeless","reason":"no user"}` | never; it goes to the dead-letter queue |
//! | `{"heartbeat":true}` | it still works on what it holds |
//!
//! Each message of a batch is answered once, in any order. A line that is anything else, that names a
//! message which is not held, or that is longer than [`LONGEST_LINE`] is the fault of the program: it
//! is killed, what it answered before counts, and what it did not answer comes again at once.

use crate::pipeline::workers::{exchange, runner::Fate};
use crate::storage::LeasedMessage;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, time::Duration};

/// The version that this daemon speaks.
pub(in crate::pipeline::workers) const VERSION: u32 = 1;
/// Longest line that a program may write, in bytes.
pub(super) const LONGEST_LINE: usize = 16 << 20;

/// What a program said in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Ready { protocol: u32 },
    Heartbeat,
    Answer { id: String, fate: Fate },
}

/// A line that is not of the protocol, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the line {quote:?} on its stdout is not of the protocol: {why}")]
pub(super) struct Malformed {
    pub quote: String,
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    ready: Option<bool>,
    protocol: Option<u32>,
    heartbeat: Option<bool>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    status: Option<Status>,
    #[serde(borrow)]
    results: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    retry_after: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Done,
    Filtered,
    Failed,
    Hopeless,
}

/// How a message is named to its program.
pub(super) fn id(queue: &str, message: &LeasedMessage) -> String {
    format!("{queue}/{}", message.receipt.sequence)
}

/// A batch as one line. Payloads must be JSON.
pub(super) fn batch_line(messages: &[(&str, &LeasedMessage)]) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = exchange::request(messages)?;
    // Outside of texts, where JSON escapes them, line ends are only space between values.
    for byte in line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    line.push(b'\n');
    Ok(line)
}

/// Reads one line, without its line feed.
pub(super) fn parse(line: &[u8]) -> Result<Said, Malformed> {
    let malformed = |why: String| Malformed { quote: exchange::quoted(line), why };
    match serde_json::from_slice::<Line<'_>>(line) {
        Ok(line) => meaning(line).map_err(malformed),
        Err(_) if serde_json::from_slice::<&RawValue>(line).is_err() => {
            Err(malformed("it is not JSON; print to stderr what is meant for people".to_owned()))
        }
        Err(error) => Err(malformed(error.to_string())),
    }
}

fn meaning(line: Line<'_>) -> Result<Said, String> {
    let tells = (line.ready.is_some() || line.protocol.is_some(), line.heartbeat.is_some());
    let answers = line.id.is_some() || line.status.is_some() || line.has_details();
    match (tells, answers) {
        ((true, false), false) => match (line.ready, line.protocol) {
            (Some(true), Some(protocol)) => Ok(Said::Ready { protocol }),
            _ => Err("say {\"ready\":true,\"protocol\":1}".to_owned()),
        },
        ((false, true), false) if line.heartbeat == Some(true) => Ok(Said::Heartbeat),
        ((false, true), false) => Err("say {\"heartbeat\":true}".to_owned()),
        ((false, false), true) => answer(line),
        _ => Err("say one of \"ready\", \"heartbeat\", or \"id\" with \"status\"".to_owned()),
    }
}

fn answer(line: Line<'_>) -> Result<Said, String> {
    let (Some(id), Some(status)) = (&line.id, line.status) else {
        return Err("an answer has \"id\" and \"status\"".to_owned());
    };
    let id = id.clone().into_owned();
    line.check_details(status)?;
    let reason = || match &line.reason {
        Some(reason) => reason.clone().into_owned(),
        None => "the program gave no reason".to_owned(),
    };
    let fate = match status {
        Status::Done => {
            let results = line.results.unwrap_or_default();
            Fate::Done(results.iter().map(|data| Bytes::copy_from_slice(data.get().as_bytes())).collect())
        }
        Status::Filtered => Fate::Filtered,
        Status::Hopeless => Fate::Hopeless { reason: reason() },
        Status::Failed => Fate::Failed { reason: reason(), after: line.retry_after.map(wait).transpose()? },
    };
    Ok(Said::Answer { id, fate })
}

fn wait(seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("\"retry_after\" is {seconds}; give seconds, 0 or more"))
}

impl Line<'_> {
    fn has_details(&self) -> bool {
        self.results.is_some() || self.reason.is_some() || self.retry_after.is_some()
    }

    /// Whether what is said besides `status` belongs to it.
    fn check_details(&self, status: Status) -> Result<(), String> {
        let given = [
            ("results", self.results.is_some(), status == Status::Done),
            ("reason", self.reason.is_some(), matches!(status, Status::Failed | Status::Hopeless)),
            ("retry_after", self.retry_after.is_some(), status == Status::Failed),
        ];
        match given.into_iter().find(|(_, is_given, belongs)| *is_given && !belongs) {
            Some((name, ..)) => Err(format!("{name:?} does not belong to this status")),
            None => Ok(()),
        }
    }
}
