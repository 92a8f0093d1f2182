//! What is said to a server and what its answer means; pure.

use super::runner::Fate;
use crate::storage::LeasedMessage;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{borrow::Cow, time::Duration};

/// What an answer means for the messages that were posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The fate of each message, in order.
    Judged(Vec<Fate>),
    /// The server will never take this batch.
    Refused { reason: String },
    /// The whole batch may be tried again.
    Again { reason: String, after: Option<Duration> },
}

/// The parts of an answer that matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub status: u16,
    pub retry_after: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

#[derive(Serialize)]
struct Request<'a> {
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    attempt: u32,
    key: Cow<'a, str>,
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    results: Option<Vec<ResultItem<'a>>>,
    #[serde(borrow, default)]
    failures: Option<Vec<FailureItem<'a>>>,
}

#[derive(Deserialize)]
struct ResultItem<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct FailureItem<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
}

/// Longest part of an answer quoted in a reason, in bytes.
const LONGEST_QUOTE: usize = 200;

/// Whether a payload can be posted.
pub(super) fn is_json(payload: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(payload).is_ok()
}

/// `{"messages":[{"id","attempt","key","data"}]}`.
pub(super) fn request(messages: &[(&str, &LeasedMessage)]) -> Result<Vec<u8>, serde_json::Error> {
    let messages = messages
        .iter()
        .map(|(id, message)| {
            Ok(Message {
                id,
                attempt: message.receipt.receive_count,
                key: String::from_utf8_lossy(&message.record.key),
                data: serde_json::from_slice(&message.record.payload)?,
            })
        })
        .collect::<Result<_, serde_json::Error>>()?;
    serde_json::to_vec(&Request { messages })
}

/// What the answer means for the messages with these ids. `now_ms` dates a `Retry-After` that is a date.
pub(super) fn meaning(answer: &Answer<'_>, ids: &[&str], now_ms: i64) -> Meaning {
    let reason = || {
        let quote = quoted(answer.body);
        let colon = if quote.is_empty() { "" } else { ": " };
        format!("the server answered {}{colon}{quote}", answer.status)
    };
    match answer.status {
        200..=299 => match judged(answer, ids) {
            Ok(fates) => Meaning::Judged(fates),
            Err(reason) => Meaning::Again { reason, after: None },
        },
        408 | 429 => Meaning::Again { reason: reason(), after: retry_after(answer, now_ms) },
        400..=499 => Meaning::Refused { reason: reason() },
        300..=399 => Meaning::Again { reason: reason() + " (redirects are not followed)", after: None },
        _ => Meaning::Again { reason: reason(), after: retry_after(answer, now_ms) },
    }
}

/// The fate of each message by a good answer. What it does not name is done.
fn judged(answer: &Answer<'_>, ids: &[&str]) -> Result<Vec<Fate>, String> {
    let mut fates = vec![Fate::Done(Vec::new()); ids.len()];
    let body = answer.body.trim_ascii();
    if body.is_empty() {
        return Ok(fates);
    }
    let response: Response<'_> = match serde_json::from_slice(body) {
        Ok(response) => response,
        Err(_) if !is_meant_as_json(answer.content_type, body) => return Ok(fates),
        Err(error) => return Err(format!("the server's answer cannot be read: {error}")),
    };
    let place = |id: &str| {
        let unknown = || format!("the server's answer names message {id:?}, which was not sent");
        ids.iter().position(|known| *known == id).ok_or_else(unknown)
    };
    for ResultItem { id, data } in response.results.unwrap_or_default() {
        if let (Some(Fate::Done(results)), Some(data)) = (fates.get_mut(place(&id)?), data) {
            results.push(Bytes::copy_from_slice(data.get().as_bytes()));
        }
    }
    for FailureItem { id, reason } in response.failures.unwrap_or_default() {
        if let Some(fate) = fates.get_mut(place(&id)?) {
            let reason = reason.map_or_else(|| "the server gave no reason".to_owned(), Cow::into_owned);
            *fate = Fate::Failed { reason, after: None };
        }
    }
    Ok(fates)
}

fn is_meant_as_json(content_type: Option<&str>, body: &[u8]) -> bool {
    content_type.is_some_and(|kind| kind.contains("json")) || matches!(body.first(), Some(b'{' | b'['))
}

/// `Retry-After` as seconds or as a date.
fn retry_after(answer: &Answer<'_>, now_ms: i64) -> Option<Duration> {
    let text = answer.retry_after?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let wait = date.timestamp().as_millisecond().saturating_sub(now_ms);
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
}

/// The start of a body, on one line.
pub(super) fn quoted(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let cut = text.get(..text.floor_char_boundary(LONGEST_QUOTE)).unwrap_or_default();
    cut.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 3] = ["q/1", "q/2", "q/3"];

    fn answer(status: u16, body: &str) -> Answer<'_> {
        Answer { status, retry_after: None, content_type: Some("application/json"), body: body.as_bytes() }
    }

    fn fates(body: &str) -> Vec<Fate> {
        match meaning(&answer(200, body), &IDS, 0) {
            Meaning::Judged(fates) => fates,
            other => panic!("{other:?}"),
        }
    }

    fn failed(reason: &str) -> Fate {
        Fate::Failed { reason: reason.to_owned(), after: None }
    }

    #[test]
    fn a_good_answer_without_body_is_success_for_all() {
        assert_eq!(fates(""), vec![Fate::Done(Vec::new()); 3]);
        assert_eq!(fates("{\"took\": 3}"), vec![Fate::Done(Vec::new()); 3]);
        let plain = Answer { content_type: Some("text/plain"), ..answer(200, "OK") };
        assert_eq!(meaning(&plain, &IDS, 0), Meaning::Judged(vec![Fate::Done(Vec::new()); 3]));
    }

    #[test]
    fn results_keep_their_bytes_and_failures_are_told_by_item() {
        let body = r#"{"results":[{"id":"q/3","data":{"b": 1.50,"a":[ 1 ]}},{"id":"q/2","data":7},{"id":"q/1","data":null}],
                      "failures":[{"id":"q/2","reason":"too \u0068ot"}]}"#;
        let done = Fate::Done(vec![Bytes::from_static(b"{\"b\": 1.50,\"a\":[ 1 ]}")]);
        assert_eq!(fates(body), [Fate::Done(Vec::new()), failed("too hot"), done]);
        let bare = fates(r#"{"results":null,"failures":[{"id":"q/1"}]}"#);
        assert_eq!(bare[0], failed("the server gave no reason"));
    }

    #[test]
    fn an_answer_that_cannot_be_understood_settles_nothing() {
        for body in ["{\"failures\":", "[1]", "{\"failures\":[{\"id\":\"q/9\"}]}", "{\"results\":[{}]}"] {
            let meaning = meaning(&answer(200, body), &IDS, 0);
            assert!(matches!(meaning, Meaning::Again { .. }), "{body}: {meaning:?}");
        }
    }

    #[test]
    fn statuses_tell_whether_to_try_again() {
        for status in [408, 429, 500, 502, 503, 504, 301, 302] {
            assert!(matches!(meaning(&answer(status, ""), &IDS, 0), Meaning::Again { .. }), "{status}");
        }
        for status in [400, 401, 404, 413, 422] {
            assert!(matches!(meaning(&answer(status, ""), &IDS, 0), Meaning::Refused { .. }), "{status}");
        }
        let refused = meaning(&answer(422, "no\n such   field"), &IDS, 0);
        assert_eq!(refused, Meaning::Refused { reason: "the server answered 422: no such field".to_owned() });
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_date() {
        let asked =
            |text| retry_after(&Answer { retry_after: Some(text), ..answer(503, "") }, 784_111_777_000);
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
    }

    #[test]
    fn a_payload_must_be_whole_json() {
        assert!(is_json(b"{\"a\":1}") && is_json(b" 3 "));
        assert!(!is_json(b"") && !is_json(b"{\"a\":") && !is_json(b"\xff"));
    }
}
