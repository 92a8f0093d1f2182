//! The task of a loader: reads all shards, judges, and commits rows with the positions they cover.

use super::{
    error::LoadError,
    held::{Held, Sorted, count},
    journal::{Intent, Journal},
    judge::Judge,
    lanes::{Judged, Lanes, READ_BYTES, READ_RECORDS},
    progress::{Progress, TableProgress},
    quarantine,
    section::{Commit, Compact},
    table::Table,
    upkeep,
};
use crate::pipeline::{
    Context, Retire, TaskError, Writers, now_ms,
    stream::{Layout, ShardReader, Stream},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::time::Instant;

/// Longest wait for records, so that being asked to end is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// What a loader's task works with.
pub struct Loader {
    pub context: Context,
    pub stream: Arc<Stream>,
    pub judge: Arc<Judge>,
    pub commit: Commit,
    pub compact: Compact,
    pub facts: Table,
    pub aside: Table,
    pub progress: Arc<Progress>,
    pub journal: Journal,
    /// Who may judge or commit.
    pub writers: Arc<Writers>,
}

struct Work {
    loader: Loader,
    readers: Vec<ShardReader>,
    lanes: Lanes,
    /// The shards as they were at the last look.
    layout: Option<Arc<Layout>>,
    held: Held,
    retire: Retire,
    cared: Instant,
    /// Versions of both tables at the last care.
    cared_versions: [Option<u64>; 2],
}

impl Loader {
    /// Loads until asked to end; then loads what is in the log by then and ends.
    ///
    /// # Errors
    /// When reading, a table or the checkpoint fails for longer than a few tries.
    pub async fn run(self, retire: Retire) -> Result<(), TaskError> {
        let failed = |doing| move |cause: LoadError| TaskError::new(doing, cause);
        let mut work = Work::open(self, retire).await.map_err(failed("opening the checkpoints"))?;
        work.finish_intended().await.map_err(failed("loading what was begun before the last end"))?;
        work.run().await.map_err(failed("loading records"))
    }
}

impl Work {
    async fn open(mut loader: Loader, retire: Retire) -> Result<Self, LoadError> {
        loader.facts.refresh().await?;
        loader.aside.refresh().await?;
        let (judge, writers) = (Arc::clone(&loader.judge), Arc::clone(&loader.writers));
        let lanes = Lanes::new(loader.context.store.clone(), judge, writers, 0);
        let (held, cared, cared_versions) = (Held::default(), Instant::now(), [None, None]);
        let (readers, layout) = (Vec::new(), None);
        let mut work = Self { loader, readers, lanes, layout, held, retire, cared, cared_versions };
        work.follow().await?;
        Ok(work)
    }

    /// Reads on in the shards that may be read now: those that are done leave, and those that were made
    /// of them join.
    async fn follow(&mut self) -> Result<(), LoadError> {
        let Loader { context: Context { node, store, .. }, stream, .. } = &self.loader;
        stream.begin(node).await?;
        let layout = stream.layout();
        let readable = layout.readable(store, node);
        for turn in (0..self.readers.len()).rev() {
            let index = self.readers.get(turn).map(ShardReader::shard_index);
            if !readable.iter().any(|shard| Some(shard.index) == index) {
                self.readers.remove(turn);
                self.lanes.remove(turn);
            }
        }
        for shard in &readable {
            if !self.readers.iter().any(|reader| reader.shard_index() == shard.index) {
                self.readers.push(ShardReader::open(store.clone(), node, shard).await?);
                self.lanes.add();
            }
        }
        self.layout = Some(layout);
        Ok(())
    }

    /// Where each shard that is read ends now.
    fn ends(&self) -> Vec<u64> {
        self.readers.iter().map(|reader| reader.position() + reader.waiting()).collect()
    }

    /// True when shards can be read now that were made of those that are done.
    async fn has_more_to_follow(&mut self) -> Result<bool, LoadError> {
        let before: Vec<u32> = self.readers.iter().map(ShardReader::shard_index).collect();
        self.follow().await?;
        Ok(self.readers.iter().any(|reader| !before.contains(&reader.shard_index())))
    }

    /// True when shards were split or merged since the last look.
    fn was_reshaped(&self) -> bool {
        let now = self.loader.stream.layout();
        self.layout.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &now))
    }

    /// True when a closed shard is read to its end: what was made of it waits for a commit.
    fn has_ended(&self) -> bool {
        let ended =
            |reader: &ShardReader| self.loader.stream.has_ended(reader.shard_index(), reader.position());
        self.readers.iter().any(ended)
    }

    async fn run(&mut self) -> Result<(), LoadError> {
        let mut end: Option<Vec<u64>> = None;
        loop {
            if end.is_none() && self.retire.is_asked() {
                end = Some(self.ends());
            }
            if let Some(ends) = &end
                && self.readers.iter().zip(ends).all(|(reader, end)| reader.position() >= *end)
            {
                self.commit(None).await?;
                if !self.has_more_to_follow().await? {
                    return Ok(());
                }
                end = Some(self.ends());
            }
            if !self.read().await? && end.is_none() {
                self.wait().await;
            }
            let Commit { bytes, age } = &self.loader.commit;
            let full = count(self.held.bytes) >= bytes.0;
            if full || (!self.held.is_empty() && self.held.age() >= age.0) {
                self.commit(None).await?;
            }
            if end.is_none() && (self.was_reshaped() || self.has_ended()) {
                self.commit(None).await?;
                self.follow().await?;
            }
            if end.is_none() && self.held.is_empty() {
                self.care().await;
            }
        }
    }

    /// Reads some records of every shard that has any; true if there were any.
    async fn read(&mut self) -> Result<bool, LoadError> {
        let mut any = false;
        for turn in 0..self.readers.len() {
            if count(self.held.bytes) >= self.loader.commit.bytes.0 {
                break;
            }
            if let Some(judged) = self.lanes.take(&mut self.readers, turn).await? {
                self.hold(judged);
                any = true;
            }
        }
        Ok(any)
    }

    fn hold(&mut self, judged: Judged) {
        let Judged { part, next, records, bytes } = judged;
        self.held.add(part, next, records, bytes);
        let progress = &self.loader.progress;
        progress.arrived.fetch_add(records, Relaxed);
        progress.held.store(self.held.records, Relaxed);
    }

    /// Waits for records of any shard, but not beyond the age of what is held.
    async fn wait(&self) {
        let patience = match self.held.is_empty() {
            true => LONGEST_WAIT,
            false => self.loader.commit.age.0.saturating_sub(self.held.age()).min(LONGEST_WAIT),
        };
        let store = &self.loader.context.store;
        let waits = self
            .readers
            .iter()
            .map(|reader| Box::pin(store.wait_for_records(reader.shard_id(), reader.position(), patience)));
        if self.readers.is_empty() {
            self.retire.sleep(patience).await;
        } else {
            let records = futures::future::select_all(waits);
            futures::future::select(records, Box::pin(self.retire.sleep(patience))).await;
        }
    }

    /// Makes what is held durable: rows, rejects, then checkpoints and counts. Every step but the last
    /// can be repeated, since each table knows which positions it has.
    async fn commit(&mut self, recorded: Option<&Judge>) -> Result<(), LoadError> {
        if self.held.is_empty() {
            return Ok(());
        }
        let _writing = self.loader.writers.acquire().await;
        let held = std::mem::take(&mut self.held);
        let Loader { facts, aside, journal, judge, stream, progress, context, .. } = &mut self.loader;
        let judge = recorded.unwrap_or(judge);
        let Sorted { rows, rejects, counts } = held.sorted(&facts.columns(), &facts.name)?;
        let covered = held.covered();
        if recorded.is_none() && !(rows.is_empty() && rejects.is_empty()) {
            journal.intend(judge, held.next.clone()).await?;
        }
        if !rows.is_empty() {
            facts.append(&rows, &covered).await?;
        }
        if !rejects.is_empty() {
            let table = aside.name.clone();
            let rejected = quarantine::rows(&rejects, judge.version());
            let rejected = rejected.map_err(|source| LoadError::Arrow { table, source })?;
            aside.append(&[rejected], &covered).await?;
        }
        let mut shards = BTreeMap::new();
        for (shard, next) in &held.next {
            let mut tally = journal.tally(*shard)?;
            let new = counts.get(shard).copied().unwrap_or_default();
            tally.finished += new.finished;
            tally.quarantined += new.quarantined;
            tally.filtered += new.filtered;
            context.metrics.processed(new.finished);
            context.metrics.quarantined(new.quarantined);
            context.metrics.filtered(new.filtered);
            shards.insert(*shard, (*next, tally));
        }
        journal.done(stream, &shards).await?;
        progress.committed(held.records, now_ms());
        progress.show_table(TableProgress { version: facts.version(), files: facts.files() });
        tracing::debug!(table = %facts.name, records = held.records, rejects = rejects.len(), "committed");
        Ok(())
    }

    /// Loads the records whose commit was begun before the last end, under the rules of then.
    async fn finish_intended(&mut self) -> Result<(), LoadError> {
        let Some(Intent { rules, next }) = self.loader.journal.intent()? else { return Ok(()) };
        let judge = Judge::recorded(rules)?;
        for index in 0..self.readers.len() {
            while let Some(reader) = self.readers.get_mut(index) {
                let shard = reader.shard_index();
                let end = next.get(&shard).copied().unwrap_or(0);
                let missing = usize::try_from(end.saturating_sub(reader.position())).unwrap_or(READ_RECORDS);
                if missing == 0 {
                    break;
                }
                let slice = reader.next(missing.min(READ_RECORDS), READ_BYTES, LONGEST_WAIT).await?;
                if slice.records.is_empty() {
                    return Err(LoadError::Missing { shard, sequence: slice.next });
                }
                let judged = {
                    let _writing = self.loader.writers.acquire().await;
                    Judged::of(&judge, shard, slice).await?
                };
                self.hold(judged);
            }
        }
        tracing::info!(records = self.held.records, "loading what was begun before the last end");
        self.commit(Some(&judge)).await
    }

    /// Cares for the tables' files when it is time and something has changed. Given up when asked to
    /// end: each of its steps is a commit or nothing.
    async fn care(&mut self) {
        if self.cared.elapsed() < self.loader.compact.every.0 || self.cared_versions == self.versions() {
            return;
        }
        self.cared = Instant::now();
        let (retire, Loader { facts, aside, compact, progress, .. }) =
            (self.retire.clone(), &mut self.loader);
        let rounds = async {
            for table in [&mut *facts, &mut *aside] {
                match upkeep::care(table, compact).await {
                    Ok(cared) => tracing::debug!(table = %table.name, ?cared, "files cared for"),
                    Err(error) => {
                        tracing::info!(table = %table.name, %error, "care for files is tried again later");
                        table.forget();
                    }
                }
            }
        };
        futures::future::select(Box::pin(rounds), Box::pin(retire.asked())).await;
        for table in [&mut *facts, &mut *aside] {
            if let Err(error) = table.refresh().await {
                tracing::warn!(table = %table.name, %error, "the table's log cannot be read now");
            }
        }
        progress.show_table(TableProgress { version: facts.version(), files: facts.files() });
        self.cared_versions = self.versions();
    }

    fn versions(&self) -> [Option<u64>; 2] {
        [self.loader.facts.version(), self.loader.aside.version()]
    }
}
