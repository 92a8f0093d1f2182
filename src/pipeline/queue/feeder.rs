//! Filling a queue from a stream, one task for each shard.

use super::{
    PutAside, Quarantine, Queue, commit_when_room, origin_of,
    tallies::{add_tally, put_tally, read_tally, tally_key},
};
use crate::{
    pipeline::{
        Context, Retire, Tally, TaskError, now_ms,
        rules::{Filter, InputRecord, Verdict},
        stream::{Shard, ShardReader, Stream},
    },
    storage::{Batch, CommitError, ReadError, RecordBlock, Slice, StoredRecord},
};
use std::{sync::Arc, time::Duration};

const MOST_RECORDS: usize = 1_000;
const MOST_BYTES: usize = 1 << 20;
const WAIT: Duration = Duration::from_millis(500);

/// What all feeders of a queue share.
#[derive(Debug)]
pub(super) struct Feed {
    pub context: Context,
    pub queue: Arc<Queue>,
    pub stream: Arc<Stream>,
    pub filter: Option<Filter>,
    pub quarantine: Quarantine,
}

impl Feed {
    /// Reads a shard on from its checkpoint until asked to end, or to its end when it is closed. Messages, checkpoint and tally are
    /// one batch, so that no record is sent twice and none is left out.
    pub async fn run(self: Arc<Self>, index: u32, retire: Retire) -> Result<(), TaskError> {
        let Some(shard) = self.stream.shard(index) else { return Ok(()) };
        let (context, opening) = (&self.context, |error| TaskError::new("opening the reader", error));
        self.stream.begin(&context.node).await.map_err(opening)?;
        let mut reader =
            ShardReader::open(context.store.clone(), &context.node, &shard).await.map_err(opening)?;
        let key = tally_key(&context.node, index);
        let mut tally = read_tally(&context.store, &key)?;
        while !retire.is_asked() && !self.stream.has_ended(index, reader.position()) {
            let read = reader.next_until(MOST_RECORDS, MOST_BYTES, WAIT, retire.asked()).await;
            let slice = match read {
                Ok(slice) => slice,
                // It was read to its end, closed and forgotten while more was waited for.
                Err(ReadError::UnknownTarget(_)) if self.stream.has_ended(index, reader.position()) => {
                    return Ok(());
                }
                Err(error) => return Err(TaskError::new("reading the stream", error)),
            };
            if slice.records.is_empty() {
                continue;
            }
            match self.hand_on(&shard, &slice, &key, tally, &retire).await? {
                Some(new) => tally = new,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// The new tally; `None` when asked to end while the disk is full, with nothing changed.
    async fn hand_on(
        &self,
        shard: &Shard,
        slice: &Slice,
        key: &str,
        tally: Tally,
        retire: &Retire,
    ) -> Result<Option<Tally>, TaskError> {
        let verdicts = self.judge(shard, &slice.records).await?;
        let faulty = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Fault(_)));
        let put_aside_to = match faulty {
            true => {
                let queue = self.quarantine.queue().await;
                Some(queue.map_err(|error| TaskError::new("opening the quarantine", error))?)
            }
            false => None,
        };
        let counted = count(&verdicts);
        let tally = add_tally(tally, counted);
        let now_ms = now_ms();
        let build = || {
            let mut batch = Batch::new();
            let (kept, put_aside) = self.sort(shard, &slice.records, &verdicts, now_ms);
            if !kept.is_empty() {
                batch.send(self.queue.id(), kept, 0);
            }
            if let Some(queue) = put_aside_to {
                batch.send(queue.id(), put_aside, 0);
            }
            batch.checkpoint(&self.context.node, shard.id, slice.next);
            put_tally(&mut batch, key, &tally);
            batch
        };
        match commit_when_room(&self.context.store, build, || !retire.is_asked()).await {
            Ok(_) => {}
            Err(CommitError::DiskFull) => return Ok(None),
            Err(error) => return Err(TaskError::new("sending to the queue", error)),
        }
        let metrics = &self.context.metrics;
        metrics.processed(counted.finished);
        metrics.filtered(counted.filtered);
        metrics.quarantined(counted.quarantined);
        Ok(Some(tally))
    }

    async fn judge(&self, shard: &Shard, records: &[StoredRecord]) -> Result<Vec<Verdict>, TaskError> {
        let Some(filter) = &self.filter else { return Ok(vec![Verdict::Keep; records.len()]) };
        let input = |record: &StoredRecord| InputRecord {
            shard: shard.index,
            sequence: record.sequence,
            arrived_at_ms: record.arrived_at_ms,
            key: record.key.clone(),
            payload: record.payload.clone(),
        };
        let inputs: Vec<InputRecord> = records.iter().map(input).collect();
        let verdicts = filter.apply(&inputs).await;
        let verdicts = verdicts.map_err(|error| TaskError::new("filtering records", error))?;
        match verdicts.len() == records.len() {
            true => Ok(verdicts),
            false => Err(TaskError::new("filtering records", "the filter did not judge every record")),
        }
    }

    /// The messages to send, and those to put aside.
    fn sort(
        &self,
        shard: &Shard,
        records: &[StoredRecord],
        verdicts: &[Verdict],
        now_ms: i64,
    ) -> (RecordBlock, RecordBlock) {
        let (mut kept, mut put_aside) = (RecordBlock::new(), RecordBlock::new());
        for (record, verdict) in records.iter().zip(verdicts) {
            let origin = || origin_of(record, self.stream.name(), shard.index);
            match verdict {
                Verdict::Drop => {}
                Verdict::Keep => kept.push(now_ms, &record.key, &origin().encode(), &record.payload),
                Verdict::Fault(reason) => {
                    let node = &self.context.node;
                    let (origin, queue, receives, rules, envelope) = (origin(), None, None, None, None);
                    let why = PutAside { origin, reason, node, queue, receives, rules, envelope };
                    put_aside.push(now_ms, &record.key, &why.encode(), &record.payload);
                }
            }
        }
        (kept, put_aside)
    }
}

fn count(verdicts: &[Verdict]) -> Tally {
    verdicts.iter().fold(Tally::default(), |tally, verdict| match verdict {
        Verdict::Keep => Tally { finished: tally.finished + 1, ..tally },
        Verdict::Drop => Tally { filtered: tally.filtered + 1, ..tally },
        Verdict::Fault(_) => Tally { quarantined: tally.quarantined + 1, ..tally },
    })
}
