//! Reading a request's body: bounded in size and in time.

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use std::time::Duration;

/// Longest time a body may take to come.
const DEADLINE: Duration = Duration::from_secs(30);
/// Room made for a body before any of it has come, so that a claimed length costs nothing.
const FIRST_ROOM: usize = 64 << 10;

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not come within {} s", DEADLINE.as_secs())]
    Late,
    #[error("the body broke off: {0}")]
    Broken(String),
}

/// Reads a body of at most `limit` bytes. `length` is what `Content-Length` says.
pub(super) async fn read(payload: Payload, length: Option<u64>, limit: usize) -> Result<Bytes, BodyError> {
    if length.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge { limit });
    }
    match tokio::time::timeout(DEADLINE, collect(payload, length, limit)).await {
        Ok(result) => result,
        Err(_elapsed) => Err(BodyError::Late),
    }
}

async fn collect(mut payload: Payload, length: Option<u64>, limit: usize) -> Result<Bytes, BodyError> {
    let broken = |error: actix_web::error::PayloadError| BodyError::Broken(error.to_string());
    let Some(first) = payload.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(broken)?;
    // Most bodies come in one piece, which is then used as it is.
    if length == Some(first.len() as u64) {
        return Ok(first);
    }
    let room = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0).min(FIRST_ROOM);
    let mut body = BytesMut::with_capacity(room.max(first.len()));
    body.extend_from_slice(&first);
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(broken)?;
        if body.len() + piece.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        body.extend_from_slice(&piece);
    }
    if body.len() > limit { Err(BodyError::TooLarge { limit }) } else { Ok(body.freeze()) }
}
