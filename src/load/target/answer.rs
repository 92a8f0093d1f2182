//! What became of a request's records.

use crate::load::ledger::Standing;
use bytes::Bytes;

/// What became of a request's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The same of all of them.
    All(Standing),
    /// Of each, in their order.
    Each(Vec<Standing>),
    /// No connection was made: the request never left.
    Unreached,
}

/// Sends a request and takes its answer to the end: status and body, or what it means that none came.
pub(super) async fn exchange(request: reqwest::RequestBuilder) -> Result<(u16, Bytes), Answer> {
    let answer = request.send().await.map_err(|error| match error.is_connect() {
        true => Answer::Unreached,
        false => Answer::All(Standing::Unknown),
    })?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.map_err(|_| Answer::All(Standing::Unknown))?;
    Ok((status, body))
}

/// What an answer without success says: a fault of the server leaves it open whether the records are stored.
pub(super) fn failed(status: u16) -> Answer {
    Answer::All(if status >= 500 { Standing::Unknown } else { Standing::Refused })
}
