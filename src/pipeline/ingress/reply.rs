//! What a client is told: a status, a JSON body, and when to come back.

use crate::{pipeline::stream::Throttled, storage::CommitError};
use serde::Serialize;
use std::time::Duration;

/// An answer ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    /// Whole seconds for `Retry-After`.
    pub retry_after: Option<u64>,
    /// Records that were refused while others were taken.
    pub faults: usize,
    /// The answer was given before, to the same idempotency key.
    pub replayed: bool,
}

/// What went wrong and what to do about it, as the body of an answer.
#[derive(Debug, Default, Serialize)]
struct Problem<'a> {
    error: &'a str,
    remedy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<&'a [String]>,
}

impl Reply {
    /// A 200 with the given JSON.
    pub(super) fn stored(body: Vec<u8>, faults: usize) -> Self {
        Self { status: 200, body, retry_after: None, faults, replayed: false }
    }

    pub(super) fn problem(status: u16, error: &str, remedy: &str) -> Self {
        Self::write(status, &Problem { error, remedy, ..Problem::default() })
    }

    /// A refusal that passes: the client may send the same again after `seconds`.
    pub(super) fn later(status: u16, seconds: u64, error: &str, remedy: &str) -> Self {
        Self { retry_after: Some(seconds), ..Self::problem(status, error, remedy) }
    }

    pub(super) fn unknown_stream(name: &str, known: &[String]) -> Self {
        let error = format!("there is no stream {name:?} here");
        let remedy = format!("post to one of: {}", known.join(", "));
        Self::write(
            404,
            &Problem { error: &error, remedy: &remedy, streams: Some(known), ..Problem::default() },
        )
    }

    /// A shard's limit: 429 when waiting helps, 413 when the request is larger than the burst.
    pub(super) fn throttled(stream: &str, refusal: &Throttled) -> Self {
        let Throttled { shard, retry_after, never, limit, burst } = refusal;
        let mut problem = Problem { stream: Some(stream), shard: Some(*shard), ..Problem::default() };
        if *never {
            let error =
                format!("the request holds more {limit} for shard {shard} of {stream} than fit at once");
            let remedy =
                format!("send at most {burst} {limit} for a shard in one request, or raise burst_{limit}");
            (problem.error, problem.remedy) = (&error, &remedy);
            return Self::write(413, &problem);
        }
        let error = format!("shard {shard} of {stream} admits no more {limit} now; nothing was stored");
        problem.error = &error;
        problem.remedy = "send the request again after Retry-After, or spread the partition keys";
        problem.retry_after_ms = Some(retry_after.as_millis());
        Self { retry_after: Some(whole_seconds(*retry_after)), ..Self::write(429, &problem) }
    }

    /// The store did not take the batch.
    pub(super) fn not_committed(error: &CommitError) -> Self {
        let text = error.to_string();
        match error {
            CommitError::DiskFull => {
                Self::later(503, 5, &text, "nothing was stored; free disk space or wait for retention")
            }
            CommitError::TooLarge { .. } => {
                Self::problem(413, &text, "nothing was stored; send the records in smaller requests")
            }
            CommitError::Closed => Self::draining(),
            CommitError::ShardClosed(_) => {
                Self::later(503, 1, &text, "nothing was stored; shards are split or merged, send it again")
            }
            _ => Self::problem(
                500,
                &format!("outcome unknown: {text}"),
                "the records may or may not be stored; send them again with the same Idempotency-Key",
            ),
        }
    }

    pub(super) fn draining() -> Self {
        Self::later(503, 1, "the daemon is draining", "nothing was stored; send the request again later")
    }

    pub(super) fn busy() -> Self {
        Self::later(503, 1, "all collectors are busy", "nothing was stored; send the request again later")
    }

    pub(super) fn lost() -> Self {
        Self::problem(
            500,
            "outcome unknown: the collector did not answer",
            "the records may or may not be stored; send them again with the same Idempotency-Key",
        )
    }

    fn write(status: u16, problem: &Problem<'_>) -> Self {
        let body = serde_json::to_vec(problem).unwrap_or_default();
        Self { status, body, retry_after: None, faults: 0, replayed: false }
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled(retry_after: Duration, never: bool) -> Reply {
        Reply::throttled("trips", &Throttled { shard: 2, retry_after, never, limit: "bytes", burst: 100 })
    }

    #[test]
    fn a_throttled_client_learns_the_shard_and_a_wait_of_whole_seconds() {
        for (wait, seconds) in [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (0, 1)] {
            let reply = throttled(Duration::from_millis(wait), false);
            assert_eq!((reply.status, reply.retry_after), (429, Some(seconds)), "{wait}");
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!((&body["shard"], &body["stream"]), (&2.into(), &"trips".into()));
        }
    }

    #[test]
    fn what_can_never_fit_is_no_429() {
        let reply = throttled(Duration::ZERO, true);
        assert_eq!((reply.status, reply.retry_after), (413, None));
        assert!(String::from_utf8(reply.body).unwrap().contains("at most 100 bytes"));
    }

    #[test]
    fn only_a_failed_store_is_an_unknown_outcome() {
        assert_eq!(Reply::not_committed(&CommitError::DiskFull).status, 503);
        assert_eq!(Reply::not_committed(&CommitError::Closed).status, 503);
        assert_eq!(Reply::not_committed(&CommitError::TooLarge { size: 2, limit: 1 }).status, 413);
        let unknown = Reply::not_committed(&CommitError::Unknown("EIO".to_owned()));
        assert_eq!(unknown.status, 500);
        assert!(String::from_utf8(unknown.body).unwrap().contains("outcome unknown"));
    }
}
