//! A stream as a node: it has no workers; it shows what its shards hold.

use super::{Shard, Stream, reader::age};
use crate::{
    pipeline::{Capacity, Kind, Observation, Retire, Stage, TaskError, Tasks, now_ms},
    storage::ShardRange,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

const REFRESHER: &str = "refresher";
/// How often the age of each shard's oldest record is looked up.
const REFRESH: Duration = Duration::from_secs(5);

/// The node of a stream.
#[derive(Debug)]
pub struct StreamStage {
    stream: Arc<Stream>,
    seen: Arc<AllSeen>,
    /// Records that were there when the process started.
    before: u64,
}

/// What was last seen of each shard, by its number.
type AllSeen = Mutex<BTreeMap<u32, Arc<Seen>>>;

/// What was last seen of a shard.
#[derive(Debug)]
struct Seen {
    counted: AtomicU64,
    counted_bytes: AtomicU64,
    /// Sequence and arrival of the oldest retained record that was looked up.
    oldest: AtomicU64,
    oldest_arrived_at_ms: AtomicI64,
}

impl Seen {
    /// What came before is not counted.
    fn from(range: ShardRange) -> Arc<Self> {
        Arc::new(Self {
            counted: AtomicU64::new(range.next),
            counted_bytes: AtomicU64::new(range.appended_bytes),
            oldest: AtomicU64::new(u64::MAX),
            oldest_arrived_at_ms: AtomicI64::new(0),
        })
    }
}

/// What was seen of a shard; one that was opened meanwhile is counted from its beginning on.
fn seen_of(all: &AllSeen, shard: &Shard) -> Arc<Seen> {
    let begun = || Seen::from(ShardRange { first: 0, next: 0, appended_bytes: 0 });
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(shard.index).or_insert_with(begun))
}

impl StreamStage {
    pub fn new(stream: Arc<Stream>) -> Self {
        let layout = stream.layout();
        let ranges = || layout.shards().iter().map(|shard| (shard.index, range(&stream, shard)));
        let seen = ranges().map(|(index, range)| (index, Seen::from(range))).collect();
        let before = layout.departed() + ranges().map(|(_, range)| range.next).sum::<u64>();
        Self { stream, seen: Arc::new(Mutex::new(seen)), before }
    }

    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Counts what came since the last look, whoever wrote it, and shows the shard.
    fn show(shard: &Shard, seen: &Seen, range: ShardRange, now_ms: i64) -> Option<Duration> {
        let records = range.next.saturating_sub(seen.counted.swap(range.next, Relaxed));
        let bytes =
            range.appended_bytes.saturating_sub(seen.counted_bytes.swap(range.appended_bytes, Relaxed));
        shard.metrics.accepted(records, bytes);
        let retained = range.next.saturating_sub(range.first);
        let known = retained > 0 && seen.oldest.load(Relaxed) <= range.first;
        let oldest = known.then(|| age(now_ms, seen.oldest_arrived_at_ms.load(Relaxed)));
        shard.metrics.show_backlog(retained, oldest.unwrap_or_default().as_secs_f64());
        oldest
    }
}

fn range(stream: &Stream, shard: &Shard) -> ShardRange {
    stream.store().range(shard.id).unwrap_or(ShardRange { first: 0, next: 0, appended_bytes: 0 })
}

/// Looks up when each shard's oldest record came, whenever retention has moved on.
async fn refresh(stream: Arc<Stream>, all: Arc<AllSeen>, retire: Retire) -> Result<(), TaskError> {
    while !retire.is_asked() {
        let layout = stream.layout();
        all.lock().unwrap_or_else(PoisonError::into_inner).retain(|index, _| layout.shard(*index).is_some());
        for shard in layout.shards() {
            let seen = seen_of(&all, shard);
            let range = range(&stream, shard);
            if range.first == range.next || seen.oldest.load(Relaxed) == range.first {
                continue;
            }
            // A failed look-up is not the stream's failure: readers of the shard will name it.
            let Ok(slice) = stream.store().read(shard.id, range.first, 1, 1).await else { continue };
            if let Some(record) = slice.records.first() {
                seen.oldest_arrived_at_ms.store(record.arrived_at_ms, Relaxed);
                seen.oldest.store(record.sequence, Relaxed);
            }
        }
        retire.sleep(REFRESH).await;
    }
    Ok(())
}

impl Stage for StreamStage {
    fn kind(&self) -> Kind {
        Kind::Stream
    }

    fn reconcile(&mut self, _desired: Capacity, tasks: &mut Tasks) {
        let (stream, seen) = (Arc::clone(&self.stream), Arc::clone(&self.seen));
        tasks.ensure(REFRESHER, |retire| refresh(stream, seen, retire));
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        let now_ms = now_ms();
        let mut observation = Observation {
            in_service: u32::try_from(tasks.in_service().count()).unwrap_or(u32::MAX),
            ..Observation::default()
        };
        let layout = self.stream.layout();
        let mut next = layout.departed();
        let mut ranges = Vec::new();
        for shard in layout.shards() {
            let range = range(&self.stream, shard);
            let oldest = Self::show(shard, &seen_of(&self.seen, shard), range, now_ms);
            observation.oldest_age = observation.oldest_age.max(oldest);
            observation.backlog += range.next.saturating_sub(range.first);
            next += range.next;
            ranges.push(serde_json::json!({ "first": range.first, "next": range.next }));
        }
        observation.arrived = next.saturating_sub(self.before);
        observation.processed = observation.arrived;
        observation.detail.insert("accepted".to_owned(), next.into());
        observation.detail.insert("shards".to_owned(), ranges.into());
        observation
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        tasks.retire_all();
    }
}
