//! The task of one shard: reads, fills an object, settles its range, puts it, moves the checkpoint.

use super::{
    draft::{Draft, Judged, Shape},
    encode::EncodeError,
    journal::Journal,
    object::{Intent, object_path},
    progress::Progress,
    put::{Tries, put},
};
use crate::{
    pipeline::{
        Context, Retire, TaskError, Writers,
        object_stores::{OpenedStore, open_store},
        rules::{Filter, InputRecord, Verdict},
        stream::{ShardReader, Stream},
    },
    storage::{ReadError, StoredRecord},
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

const READ_RECORDS: usize = 4096;
const READ_BYTES: usize = 2 << 20;
/// Longest wait for records, so that being asked to end is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// More than this many bytes are compressed off the async threads.
const BLOCKING_BYTES: usize = 128 << 10;

/// What a shard's task is built with.
pub struct ShardWriter {
    pub context: Context,
    pub stream: Arc<Stream>,
    pub shape: Shape,
    /// The store as the topology names it.
    pub address: String,
    pub store: OpenedStore,
    pub filter: Option<Arc<Filter>>,
    pub roll_age: Duration,
    pub tries: Tries,
    pub progress: Arc<Progress>,
    /// Who may finish and put an object, of all shards.
    pub writers: Arc<Writers>,
}

struct Work {
    writer: ShardWriter,
    reader: ShardReader,
    journal: Journal,
    /// The id of a stream that had predecessors of its name.
    id: Option<String>,
    retire: Retire,
    /// The durable checkpoint; the reader is ahead of it by what the draft holds.
    checkpoint: u64,
    draft: Option<Draft>,
    /// When the draft's first record came here.
    since: Instant,
}

fn failed<E: std::error::Error + Send + Sync + 'static>(doing: &'static str) -> impl FnOnce(E) -> TaskError {
    move |cause| TaskError::new(doing, cause)
}

/// Encodes off the async threads when there is much to encode.
async fn encoding<T: Send + 'static>(
    large: bool,
    work: impl FnOnce() -> Result<T, EncodeError> + Send + 'static,
) -> Result<T, TaskError> {
    let done = match large {
        true => tokio::task::spawn_blocking(work).await.map_err(EncodeError::from).flatten(),
        false => work(),
    };
    done.map_err(failed("encoding an object"))
}

fn payload_bytes(records: &[Judged]) -> usize {
    records.iter().map(|judged| judged.record.payload.len()).sum()
}

impl ShardWriter {
    /// Writes the shard's objects until asked to end, or to its end when it is closed; then writes what is held and ends.
    ///
    /// # Errors
    /// When reading, encoding, the object store or the checkpoint fails for longer than a few tries.
    pub async fn run(self, retire: Retire) -> Result<(), TaskError> {
        let Context { node, store, .. } = self.context.clone();
        let index = self.shape.shard;
        // A shard that was forgotten meanwhile has nothing left to write.
        let Some(shard) = self.stream.shard(index) else { return Ok(()) };
        self.stream.begin(&node).await.map_err(failed("opening the checkpoints"))?;
        let opened = ShardReader::open(store.clone(), &node, &shard).await;
        let reader = opened.map_err(failed("opening the checkpoint"))?;
        let id = self.stream.incarnation().await;
        let journal = Journal::open(store, node, shard.id, (index, id.as_deref()), retire.clone());
        let journal = journal.map_err(failed("reading the counts"))?;
        let checkpoint = reader.position();
        self.progress.begin_at(checkpoint);
        let since = Instant::now();
        Work { writer: self, reader, journal, id, retire, checkpoint, draft: None, since }.run().await
    }

    async fn judge(&self, records: Vec<StoredRecord>) -> Result<Vec<Judged>, TaskError> {
        let Some(filter) = &self.filter else {
            return Ok(records.into_iter().map(|record| Judged { record, keep: true }).collect());
        };
        let shard = self.shape.shard;
        let input = |record: &StoredRecord| InputRecord {
            shard,
            sequence: record.sequence,
            arrived_at_ms: record.arrived_at_ms,
            key: record.key.clone(),
            payload: record.payload.clone(),
        };
        let inputs: Vec<InputRecord> = records.iter().map(input).collect();
        let verdicts = filter.apply(&inputs).await.map_err(failed("filtering records"))?;
        // What a condition cannot judge is kept: a raw store leaves out only what it was told to.
        let keep = |verdict: Verdict| !matches!(verdict, Verdict::Drop);
        let judged = records.into_iter().zip(verdicts);
        Ok(judged.map(|(record, verdict)| Judged { record, keep: keep(verdict) }).collect())
    }
}

impl Work {
    async fn run(mut self) -> Result<(), TaskError> {
        self.finish_intended().await?;
        let mut end = None;
        loop {
            if end.is_none() && self.retire.is_asked() {
                end = Some(self.reader.position() + self.reader.waiting());
            }
            if end.is_some_and(|end| self.reader.position() >= end) || self.has_ended() {
                return self.complete().await;
            }
            self.read().await?;
            if self.draft.is_some() && self.since.elapsed() >= self.writer.roll_age {
                self.complete().await?;
            }
        }
    }

    /// True when the shard is closed and read to its end: its children wait for the last object.
    fn has_ended(&self) -> bool {
        self.writer.stream.has_ended(self.writer.shape.shard, self.reader.position())
    }

    /// How long to wait for records: not beyond the draft's age.
    fn patience(&self) -> Duration {
        match self.draft {
            Some(_) => self.writer.roll_age.saturating_sub(self.since.elapsed()).min(LONGEST_WAIT),
            None => LONGEST_WAIT,
        }
    }

    async fn read(&mut self) -> Result<(), TaskError> {
        let (patience, retire) = (self.patience(), self.retire.clone());
        let read = self.reader.next_until(READ_RECORDS, READ_BYTES, patience, retire.asked()).await;
        let records = match read {
            Ok(slice) => slice.records,
            // It was read to its end, closed and forgotten while more was waited for.
            Err(ReadError::UnknownTarget(_)) if self.has_ended() => return Ok(()),
            Err(error) => return Err(failed("reading records")(error)),
        };
        let judged = Arc::new(self.writer.judge(records).await?);
        let large = payload_bytes(&judged) > BLOCKING_BYTES;
        let mut from = 0;
        while let Some(next) = judged.get(from) {
            let mut draft = match self.draft.take() {
                Some(draft) => draft,
                None => {
                    self.since = Instant::now();
                    Draft::new(self.writer.shape.format, next.record.sequence)
                        .map_err(failed("beginning an object"))?
                }
            };
            let (records, shape) = (Arc::clone(&judged), self.writer.shape.clone());
            let (draft, taken, complete) = encoding(large, move || {
                let (taken, complete) = draft.take(records.get(from..).unwrap_or_default(), &shape)?;
                Ok((draft, taken, complete))
            })
            .await?;
            from += taken;
            self.writer.progress.read_to(draft.next, taken as u64, draft.taken());
            self.draft = Some(draft);
            if complete {
                self.complete().await?;
            }
        }
        Ok(())
    }

    /// Makes what is held durable, and moves the checkpoint past it.
    async fn complete(&mut self) -> Result<(), TaskError> {
        let Some(draft) = self.draft.take() else { return Ok(()) };
        let (next, kept, filtered) = (draft.next, draft.kept, draft.filtered);
        let Some(folder) = draft.folder() else { return self.pass(next, filtered).await };
        let _writing = self.writer.writers.acquire().await;
        let Work { writer: ShardWriter { shape, address, .. }, journal, id, checkpoint, .. } = &*self;
        let (first, last) = (journal.begin(*checkpoint), next - 1);
        let intent = Intent {
            first,
            last,
            path: object_path(folder, shape.shard, (first, last), id.as_deref(), shape.format),
            format: shape.format,
            store: address.clone(),
        };
        let bytes = encoding(true, move || draft.finish()).await?;
        journal.intend(&intent).await.map_err(failed("settling an object's range"))?;
        let store = self.writer.store.clone();
        self.write(&store, intent, bytes, kept, filtered).await
    }

    /// Moves the checkpoint past records of which none is kept.
    async fn pass(&mut self, next: u64, filtered: u64) -> Result<(), TaskError> {
        let passed = self.journal.passed(self.checkpoint, next, filtered).await;
        passed.map_err(failed("moving the checkpoint"))?;
        self.checkpoint = next;
        self.writer.context.metrics.filtered(filtered);
        self.writer.progress.settled();
        Ok(())
    }

    async fn write(
        &mut self,
        store: &OpenedStore,
        intent: Intent,
        bytes: Vec<u8>,
        kept: u64,
        filtered: u64,
    ) -> Result<(), TaskError> {
        let metrics = &self.writer.context.metrics;
        let put = put(store, &intent.path, Bytes::from(bytes), self.writer.tries, metrics).await;
        put.map_err(failed("writing an object"))?;
        let written = self.journal.written(intent.last + 1, kept, filtered).await;
        written.map_err(failed("moving the checkpoint"))?;
        self.checkpoint = intent.last + 1;
        metrics.processed(kept);
        metrics.filtered(filtered);
        tracing::debug!(object = %intent.path, records = kept, filtered, "object written");
        self.writer.progress.object_written(intent.path, kept);
        Ok(())
    }

    /// Writes the object whose range was settled before the last end, under the same name and with
    /// the same records: whether it was written before that end does not matter then.
    async fn finish_intended(&mut self) -> Result<(), TaskError> {
        let read = self.journal.intent().map_err(failed("reading what was being written"))?;
        let Some(intent) = read.filter(|intent| intent.last >= self.checkpoint) else { return Ok(()) };
        tracing::info!(object = %intent.path, "writing the object that was begun before the last end");
        let store = match intent.store == self.writer.address {
            true => self.writer.store.clone(),
            false => {
                open_store(&intent.store, &self.writer.context.data).map_err(failed("opening a store"))?
            }
        };
        let mut draft = Draft::new(intent.format, self.checkpoint).map_err(failed("beginning an object"))?;
        while self.reader.position() <= intent.last {
            let missing = intent.last - self.reader.position() + 1;
            let most = usize::try_from(missing).unwrap_or(READ_RECORDS).min(READ_RECORDS);
            let read = self.reader.next(most, READ_BYTES, LONGEST_WAIT).await;
            let records = read.map_err(failed("reading records"))?.records;
            if records.is_empty() {
                let cause = format!("records up to {} were settled but are not there", intent.last);
                return Err(TaskError::new("reading records", cause));
            }
            let judged = self.writer.judge(records).await?;
            let shard = self.writer.shape.shard;
            draft = encoding(payload_bytes(&judged) > BLOCKING_BYTES, move || {
                judged.iter().try_for_each(|judged| draft.push(shard, judged))?;
                Ok(draft)
            })
            .await?;
            self.writer.progress.read_to(draft.next, 0, draft.taken());
        }
        let (kept, filtered) = (draft.kept, draft.filtered);
        let _writing = self.writer.writers.acquire().await;
        let bytes = encoding(true, move || draft.finish()).await?;
        self.write(&store, intent, bytes, kept, filtered).await
    }
}
