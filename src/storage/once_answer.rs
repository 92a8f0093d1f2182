//! Remembered answers as they lie in the registry: `count u32`, placements (`shard u32, first_sequence u64,
//! count u32`, little endian), the note.

use super::{Once, Placement, ShardId};
use bytes::{Buf, BufMut, Bytes, BytesMut};

pub(super) fn encode(once: &Once) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + 16 * once.placements.len() + once.note.len());
    out.put_u32_le(u32::try_from(once.placements.len()).unwrap_or(u32::MAX));
    for placement in &once.placements {
        out.put_u32_le(placement.shard.0);
        out.put_u64_le(placement.first_sequence);
        out.put_u32_le(placement.count);
    }
    out.put_slice(&once.note);
    out.freeze()
}

/// Reads an answer back; what is not one reads as an answer without placements.
pub(super) fn decode(value: &Bytes) -> Once {
    let mut rest = value.clone();
    let mut placements = Vec::new();
    for _ in 0..rest.try_get_u32_le().unwrap_or(0) {
        let (Ok(shard), Ok(first_sequence), Ok(count)) =
            (rest.try_get_u32_le(), rest.try_get_u64_le(), rest.try_get_u32_le())
        else {
            break;
        };
        placements.push(Placement { shard: ShardId(shard), first_sequence, count });
    }
    Once { placements, note: rest }
}
