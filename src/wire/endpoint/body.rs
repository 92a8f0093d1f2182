//! Reading bodies: each bounded in size and time, all together in memory.

use crate::wire::protocol::ServiceError;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest body: 10 MiB of records as base64, with room for keys and names.
pub(super) const LARGEST: usize = 16 << 20;
/// Longest time a body may take to come.
const DEADLINE: Duration = Duration::from_secs(30);
/// Memory of all bodies that are being read or worked on.
const ALL: usize = 256 << 20;
/// What that memory is counted in.
const UNIT: usize = 4 << 10;
/// Room made for a body before any of it has come, so that a claimed length costs little:
/// the system gives no memory before it is written.
const FIRST_ROOM: usize = 1 << 20;

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// More than [`LARGEST`].
    TooLarge,
    /// Not within [`DEADLINE`].
    Late,
    /// The connection broke off.
    Broken,
    /// Other requests hold all the memory.
    Busy,
}

impl BodyError {
    /// As the client is told.
    pub(super) fn told(self) -> ServiceError {
        let (status, code, message) = match self {
            Self::TooLarge => (413, "RequestEntityTooLargeException", "The request is larger than 16 MiB."),
            Self::Late => (408, "RequestTimeoutException", "The body did not come within 30 s."),
            Self::Broken => (400, "IncompleteBodyException", "The body broke off."),
            Self::Busy => return ServiceError::unavailable("Other requests hold all memory; try again."),
        };
        ServiceError { status, code, message: message.to_owned() }
    }
}

/// What the client is told of a head that could not be read, by the status of HTTP that says why.
pub(super) fn unread_head(status: u16) -> ServiceError {
    let (code, message) = match status {
        408 => ("RequestTimeoutException", "The head of the request did not come in time."),
        431 => (
            "RequestHeaderFieldsTooLargeException",
            "The head of the request is larger than 128 KiB or has more than 96 headers.",
        ),
        500.. => return ServiceError::internal(),
        _ => ("BadRequestException", "The request is not HTTP/1.1 as it should be."),
    };
    ServiceError { status, code, message: message.to_owned() }
}

/// The memory of all bodies.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// A body with its share of that memory.
#[derive(Debug)]
pub(super) struct Held {
    pub bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ALL / UNIT)))
    }

    /// Takes room for a body that has grown from `before` to `now` bytes.
    fn take(&self, before: usize, now: usize) -> Result<Option<OwnedSemaphorePermit>, BodyError> {
        let units = now.div_ceil(UNIT) - before.div_ceil(UNIT);
        let units = u32::try_from(units).map_err(|_| BodyError::TooLarge)?;
        if units == 0 {
            return Ok(None);
        }
        let share = Arc::clone(&self.0).try_acquire_many_owned(units);
        share.map(Some).map_err(|_| BodyError::Busy)
    }

    /// Reads a body. `length` is what `Content-Length` says.
    pub(super) async fn read(&self, payload: Payload, length: Option<u64>) -> Result<Held, BodyError> {
        if length.is_some_and(|length| length > LARGEST as u64) {
            return Err(BodyError::TooLarge);
        }
        match tokio::time::timeout(DEADLINE, self.collect(payload, length)).await {
            Ok(read) => read,
            Err(_elapsed) => Err(BodyError::Late),
        }
    }

    async fn collect(&self, mut payload: Payload, length: Option<u64>) -> Result<Held, BodyError> {
        let Some(first) = payload.next().await else {
            return Ok(Held { bytes: Bytes::new(), _share: None });
        };
        let first = first.map_err(|_| BodyError::Broken)?;
        let mut share = self.take(0, first.len())?;
        // Most bodies come in one piece, which is then used as it is.
        if length == Some(first.len() as u64) {
            return Ok(Held { bytes: first, _share: share });
        }
        let claimed = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let mut body = BytesMut::with_capacity(claimed.min(FIRST_ROOM).max(first.len()));
        body.extend_from_slice(&first);
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|_| BodyError::Broken)?;
            let now = body.len() + piece.len();
            if now > LARGEST {
                return Err(BodyError::TooLarge);
            }
            match (self.take(body.len(), now)?, &mut share) {
                (Some(more), Some(share)) => share.merge(more),
                (Some(more), none) => *none = Some(more),
                (None, _) => {}
            }
            body.extend_from_slice(&piece);
        }
        Ok(Held { bytes: body.freeze(), _share: share })
    }
}
