//! Records posted to an ingress of Caudal.

use super::{
    Answer, Parcel, TargetError,
    answer::{exchange, failed},
};
use crate::load::ledger::Standing;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use url::Url;

/// Posts JSON lines.
#[derive(Debug)]
pub struct HttpSender {
    client: reqwest::Client,
    url: Url,
}

/// The part of an answer that tells of faults.
#[derive(Debug, Deserialize)]
struct Told {
    faulty: usize,
    records: Vec<Option<serde::de::IgnoredAny>>,
}

/// How the answer to a request without faults goes on after the number of accepted records.
const NO_FAULTS: &[u8] = b",\"faulty\":0,";
/// Longest begin of an answer in which that is looked for.
const HEAD: usize = 512;

/// Where an ingress takes the records of a stream.
pub(super) fn place(base: &Url, stream: &str) -> Result<Url, TargetError> {
    let bad = |error: url::ParseError| TargetError::BadUrl { url: base.to_string(), why: error.to_string() };
    base.join(&format!("/streams/{stream}/records")).map_err(bad)
}

/// Why a stream cannot be sent to, by a request without records, which an ingress refuses as such.
pub(super) async fn look(client: &reqwest::Client, place: &Url) -> Result<Option<String>, Answer> {
    let (status, body) = exchange(client.post(place.clone())).await?;
    Ok(matches!(status, 401..=405).then(|| format!("{status} {}", String::from_utf8_lossy(&body))))
}

impl HttpSender {
    pub(super) fn new(client: reqwest::Client, url: Url) -> Self {
        Self { client, url }
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Answer {
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/x-ndjson");
        match exchange(request.body(parcel.lines.clone())).await {
            Ok((status, body)) => read(status, &body, parcel.records.len()),
            Err(answer) => answer,
        }
    }
}

/// What an answer says of so many records. 503 comes before anything is stored, as the ingress says; after a 500
/// the outcome is unknown.
pub(super) fn read(status: u16, body: &[u8], records: usize) -> Answer {
    match status {
        200 => {}
        503 => return Answer::All(Standing::Refused),
        other => return failed(other),
    }
    let head = body.get(..HEAD.min(body.len())).unwrap_or_default();
    if memchr::memmem::find(head, NO_FAULTS).is_some() {
        return Answer::All(Standing::Accepted);
    }
    let standing = |placed: &Option<_>| match placed {
        Some(_) => Standing::Accepted,
        None => Standing::Refused,
    };
    match serde_json::from_slice::<Told>(body) {
        Ok(told) if told.faulty == 0 => Answer::All(Standing::Accepted),
        Ok(told) if told.records.len() == records => {
            Answer::Each(told.records.iter().map(standing).collect())
        }
        // Whatever answers so is no ingress.
        _ => Answer::All(Standing::Unknown),
    }
}
