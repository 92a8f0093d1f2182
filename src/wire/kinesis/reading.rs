//! Records as readers get them.

use super::{
    errors,
    sequence_number::{Numbering, Origin},
};
use crate::{
    pipeline::stream::{Shard, directory::StreamResource},
    storage::{Page, ReadError, RecordView, ShardId, Store},
    wire::{Row, Rows, ServiceError, Tell, Timestamp, protocol::name},
};

/// What one answer may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portion {
    pub records: usize,
    /// Keys and data; one record may be larger.
    pub bytes: usize,
}

/// Consecutive records of a shard.
#[derive(Debug, Default)]
pub(super) struct Portioned {
    pub page: Page,
    /// Keys and data.
    pub bytes: usize,
    /// How old what is read next is; zero at the tip.
    pub behind_ms: i64,
}

/// Where reading goes on when records are no longer there.
pub(super) fn beyond(error: &ReadError) -> Option<u64> {
    match error {
        ReadError::Trimmed { first, .. } => Some(*first),
        ReadError::Lost { next, .. } => Some(*next),
        _ => None,
    }
}

/// Reads on from `position`; records that retention has taken are passed over, as AWS does.
///
/// # Errors
/// When the store fails.
pub(super) async fn read(
    store: &Store,
    shard: ShardId,
    mut position: u64,
    portion: Portion,
    now_ms: i64,
) -> Result<Portioned, ServiceError> {
    loop {
        match store.read_page(shard, position, portion.records, portion.bytes).await {
            Ok(page) => return Ok(portioned(page, portion.bytes, now_ms)),
            Err(error) => match beyond(&error) {
                Some(next) if next > position => position = next,
                _ => return Err(errors::not_read(&error)),
            },
        }
    }
}

fn size(record: RecordView<'_>) -> usize {
    record.key.len() + record.payload.len()
}

/// The store may read one record too many.
fn portioned(mut page: Page, most_bytes: usize, now_ms: i64) -> Portioned {
    let (mut count, mut bytes) = (0, 0);
    for size in page.iter().map(size) {
        if count > 0 && bytes + size > most_bytes {
            break;
        }
        (count, bytes) = (count + 1, bytes + size);
    }
    page.truncate(count);
    let newest = page.last().map_or(now_ms, |last| last.arrived_at_ms);
    let behind_ms = if page.next() < page.tail() { now_ms.saturating_sub(newest).max(1) } else { 0 };
    Portioned { page, bytes, behind_ms }
}

/// Records of a shard in an answer.
struct Told {
    numbering: Numbering,
    page: Page,
    encryption: Option<&'static str>,
}

/// Records of a shard as answers and events have them.
pub(super) fn told(origin: Origin, page: Page, encryption: Option<&'static str>) -> Rows {
    let first = page.get(0).map_or(0, |record| record.sequence);
    Rows::new(Told { numbering: Numbering::new(origin, first), page, encryption })
}

/// Bytes of a record in an answer besides its data and key.
const FRAME: usize = 192;

impl Tell for Told {
    fn count(&self) -> usize {
        self.page.count()
    }

    fn size_hint(&self) -> usize {
        let written =
            |record: RecordView<'_>| record.payload.len().div_ceil(3) * 4 + record.key.len() + FRAME;
        self.page.iter().map(written).sum()
    }

    fn tell(&self, place: usize, row: &mut dyn Row) {
        let Some(record) = self.page.get(place) else { return };
        let number = || self.numbering.digits(record.sequence, record.arrived_at_ms);
        row.number(name!("SequenceNumber"), Numbering::DIGITS, &number);
        row.timestamp(name!("ApproximateArrivalTimestamp"), Timestamp(record.arrived_at_ms));
        row.blob(name!("Data"), record.payload);
        match std::str::from_utf8(record.key) {
            Ok(key) => row.text(name!("PartitionKey"), key),
            // A record that came another way may have any key.
            Err(_) => row.text(name!("PartitionKey"), &String::from_utf8_lossy(record.key)),
        }
        if let Some(encryption) = self.encryption {
            row.text(name!("EncryptionType"), encryption);
        }
    }
}

/// True when the shard is closed and nothing is left from `position` on.
pub(super) fn is_at_end(resource: &StreamResource, shard: &Shard, position: u64) -> bool {
    // The layout first: a shard that is closed in it takes no more records.
    let is_closed = resource.stream.shard(shard.index).is_none_or(|shard| !shard.is_open());
    let next = || resource.stream.store().range(shard.id).map_or(0, |range| range.next);
    is_closed && position >= next()
}
