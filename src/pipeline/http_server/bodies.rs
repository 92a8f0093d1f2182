//! Reading bodies: each bounded in size and time, all of a server together in memory.

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest time a body may take to come.
pub const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// Memory of all bodies that are being read or worked on, at least: two of the largest always have room.
const ALL: usize = 256 << 20;
/// What of it only small bodies may have, so that whoever sends large ones slowly keeps no small one out.
const KEPT_FOR_SMALL: usize = 64 << 20;
/// Largest body that counts as small: 200 of them that come slowly leave four fifths of what is kept for them.
const SMALL: usize = 64 << 10;
/// What that memory is counted in.
const UNIT: usize = 4 << 10;
/// Room made for a body before any of it has come, so that a claimed length costs little:
/// the system gives no memory before it is written.
const FIRST_ROOM: usize = 1 << 20;

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not come within {} s", BODY_DEADLINE.as_secs())]
    Late,
    #[error("the body broke off")]
    Broken,
    #[error("other requests hold all memory for bodies")]
    Busy,
}

/// The memory of all bodies.
#[derive(Debug, Clone)]
pub struct BodyRoom {
    small: Arc<Semaphore>,
    any: Arc<Semaphore>,
    /// Largest body, in bytes.
    largest: usize,
}

/// A body with its share of that memory.
#[derive(Debug)]
pub struct Body {
    pub bytes: Bytes,
    _share: Option<Share>,
}

/// Where a body has its memory, and how much.
#[derive(Debug)]
struct Share {
    permit: OwnedSemaphorePermit,
    is_small: bool,
}

impl BodyRoom {
    /// For bodies of at most `largest` bytes each.
    pub fn new(largest: usize) -> Self {
        let any = (ALL - KEPT_FOR_SMALL).max(largest.saturating_mul(2)).min(Semaphore::MAX_PERMITS);
        Self {
            small: Arc::new(Semaphore::new(KEPT_FOR_SMALL / UNIT)),
            any: Arc::new(Semaphore::new(any.div_ceil(UNIT))),
            largest,
        }
    }

    /// Largest body, in bytes.
    pub fn largest(&self) -> usize {
        self.largest
    }

    /// Reads a body. `length` is what `Content-Length` says.
    ///
    /// # Errors
    /// See [`BodyError`]; what is left of the body is not read then.
    pub async fn read(&self, payload: Payload, length: Option<u64>) -> Result<Body, BodyError> {
        if length.is_some_and(|length| length > self.largest as u64) {
            return Err(BodyError::TooLarge { limit: self.largest });
        }
        match tokio::time::timeout(BODY_DEADLINE, self.collect(payload, length)).await {
            Ok(read) => read,
            Err(_elapsed) => Err(BodyError::Late),
        }
    }

    async fn collect(&self, mut payload: Payload, length: Option<u64>) -> Result<Body, BodyError> {
        let Some(first) = payload.next().await else {
            return Ok(Body { bytes: Bytes::new(), _share: None });
        };
        let first = first.map_err(|_| BodyError::Broken)?;
        let mut share = self.grown(None, first.len())?;
        // Most bodies come in one piece, which is then used as it is.
        if length == Some(first.len() as u64) {
            return Ok(Body { bytes: first, _share: share });
        }
        let claimed = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let mut body = BytesMut::with_capacity(claimed.min(FIRST_ROOM).max(first.len()));
        body.extend_from_slice(&first);
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|_| BodyError::Broken)?;
            share = self.grown(share, body.len() + piece.len())?;
            body.extend_from_slice(&piece);
        }
        Ok(Body { bytes: body.freeze(), _share: share })
    }

    /// The share of a body that has now so many bytes.
    fn grown(&self, share: Option<Share>, bytes: usize) -> Result<Option<Share>, BodyError> {
        if bytes > self.largest {
            return Err(BodyError::TooLarge { limit: self.largest });
        }
        let units = bytes.div_ceil(UNIT);
        let is_small = bytes <= SMALL;
        match share {
            Some(mut share) if share.is_small == is_small || !share.is_small => {
                let more = units.saturating_sub(share.permit.num_permits());
                if more > 0 {
                    share.permit.merge(taken(share.room(self), more)?);
                }
                Ok(Some(share))
            }
            // What has outgrown the small ones leaves their place.
            _ if units > 0 => {
                let small = if is_small { taken(&self.small, units).ok() } else { None };
                let share = match small {
                    Some(permit) => Share { permit, is_small: true },
                    None => Share { permit: taken(&self.any, units)?, is_small: false },
                };
                Ok(Some(share))
            }
            _ => Ok(None),
        }
    }
}

impl Share {
    fn room<'r>(&self, room: &'r BodyRoom) -> &'r Arc<Semaphore> {
        if self.is_small { &room.small } else { &room.any }
    }
}

fn taken(room: &Arc<Semaphore>, units: usize) -> Result<OwnedSemaphorePermit, BodyError> {
    let units = u32::try_from(units).map_err(|_| BodyError::Busy)?;
    Arc::clone(room).try_acquire_many_owned(units).map_err(|_| BodyError::Busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = 16 << 20;

    #[test]
    fn large_bodies_that_hold_all_memory_leave_room_for_small_ones_and_give_theirs_back() {
        let room = BodyRoom::new(LARGEST);
        let mut large = Vec::new();
        let refused = loop {
            match room.grown(None, LARGEST) {
                Ok(share) => large.push(share),
                Err(error) => break error,
            }
        };
        assert_eq!((refused, large.len()), (BodyError::Busy, 12));
        let small: Vec<_> = (0..1_000).map(|_| room.grown(None, SMALL).unwrap()).collect();
        drop(large);
        assert_eq!(room.any.available_permits() * UNIT, ALL - KEPT_FOR_SMALL);
        drop(small);
        assert_eq!(room.small.available_permits() * UNIT, KEPT_FOR_SMALL);
    }

    #[test]
    fn a_body_has_as_much_as_has_come_of_it_and_leaves_the_small_ones_when_it_is_none() {
        let room = BodyRoom::new(LARGEST);
        let mut share = None;
        for bytes in [1, 1, UNIT, UNIT + 1, SMALL, SMALL + 1, 1 << 20] {
            share = room.grown(share, bytes).unwrap();
            let free = |of: &Semaphore, all: usize| all / UNIT - of.available_permits();
            let held = (free(&room.small, KEPT_FOR_SMALL), free(&room.any, ALL - KEPT_FOR_SMALL));
            let units = bytes.div_ceil(UNIT);
            assert_eq!(held, if bytes <= SMALL { (units, 0) } else { (0, units) }, "{bytes}");
        }
        assert_eq!(room.grown(share, LARGEST + 1).unwrap_err(), BodyError::TooLarge { limit: LARGEST });
        assert_eq!(room.any.available_permits() * UNIT, ALL - KEPT_FOR_SMALL, "a refused body holds nothing");
    }

    #[test]
    fn two_of_the_largest_always_have_room() {
        let room = BodyRoom::new(1 << 30);
        let both = [room.grown(None, 1 << 30).unwrap(), room.grown(None, 1 << 30).unwrap()];
        assert!(room.grown(None, 1 << 30).is_err());
        drop(both);
    }
}
