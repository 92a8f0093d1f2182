//! A store, a stream and a warehouse in a temporary folder.

use super::super::{
    LoaderSection,
    judge::Judge,
    progress::Progress,
    stage::{Loading, load},
};
use crate::{
    pipeline::{
        Context, Retire, Tally, TaskError, Writers,
        object_stores::open_store,
        rules::Filter,
        stream::{Stream, StreamSection},
    },
    storage::{Batch, RecordBlock, StorageSettings, Store},
    telemetry::{Metrics, StorageMetrics},
};
use datafusion::{arrow::util::pretty::pretty_format_batches, prelude::SessionContext};
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

pub const NODE: &str = "facts";

pub struct Bench {
    pub folder: tempfile::TempDir,
    pub log: PathBuf,
    pub store: Store,
    pub stream: Arc<Stream>,
    /// Shards judged at once.
    pub writers: u32,
}

pub fn section(sql: &str, reject: &[(&str, &str)]) -> LoaderSection {
    let reject: Vec<_> =
        reject.iter().map(|(when, reason)| serde_json::json!({"when": when, "reason": reason})).collect();
    let section =
        serde_json::json!({"warehouse": "file://warehouse", "table": "trips", "sql": sql, "reject": reject});
    serde_json::from_value(section).unwrap()
}

impl Bench {
    pub async fn new(shards: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        Self::over(folder, log, shards).await
    }

    pub async fn over(folder: tempfile::TempDir, log: PathBuf, shards: u32) -> Self {
        let settings = StorageSettings {
            flush: false,
            log_file_bytes: 1 << 20,
            free_space_floor: 0,
            ..StorageSettings::default()
        };
        let store = Store::open(&log, settings, StorageMetrics::unregistered()).unwrap();
        let section = StreamSection { shards, ..StreamSection::default() };
        let metrics = Metrics::new().node("trips", "stream");
        let stream = Stream::open("trips", &section, store.clone(), metrics).await.unwrap();
        Self { folder, log, store, stream, writers: 1 }
    }

    /// Ends the store without moving anything on, and goes on with the log as it was copied before.
    pub async fn back_to(self, copy: PathBuf, shards: u32) -> Self {
        self.store.close().unwrap();
        let Self { folder, stream, store, .. } = self;
        drop((stream, store));
        Self::over(folder, copy, shards).await
    }

    /// A copy of the log as it is now, as a crash would leave it.
    pub fn copy_log(&self) -> PathBuf {
        let copy = self.folder.path().join("copied");
        copy_folder(&self.log, &copy);
        copy
    }

    pub async fn append(&self, shard: u32, payloads: &[&[u8]]) {
        let mut block = RecordBlock::new();
        for payload in payloads {
            block.push(1_559_340_000_000, b"key", b"", payload);
        }
        let mut batch = Batch::new();
        batch.append(self.stream.shard(shard).unwrap().id, block);
        self.store.commit(batch).await.unwrap();
    }

    pub fn context(&self) -> Context {
        Context {
            node: NODE.into(),
            store: self.store.clone(),
            metrics: Metrics::new().node(NODE, "loader"),
            data: self.folder.path().to_owned(),
        }
    }

    /// Loads all that is in the log, as a drain does.
    pub async fn load(
        &self,
        section: &LoaderSection,
        condition: Option<&str>,
    ) -> Result<Arc<Progress>, TaskError> {
        let filter = condition.map(|condition| Filter::compile(condition).unwrap());
        let judge = Arc::new(Judge::new(&section.sql, &section.reject, filter).unwrap());
        let warehouse = open_store(&section.warehouse, self.folder.path()).unwrap();
        let progress = Arc::<Progress>::default();
        let (_switch, retire) = retired();
        let loading = Loading {
            context: self.context(),
            section: section.clone(),
            stream: Arc::clone(&self.stream),
            warehouse,
            judge,
            progress: Arc::clone(&progress),
            writers: Writers::new(self.writers),
        };
        load(loading, retire).await?;
        Ok(progress)
    }

    pub fn tally(&self) -> Tally {
        let values = self.store.list(&format!("tally/{NODE}/"));
        let tallies = values.iter().map(|(_, value)| serde_json::from_slice::<Tally>(value).unwrap());
        tallies.fold(Tally::default(), |sum, tally| Tally {
            finished: sum.finished + tally.finished,
            quarantined: sum.quarantined + tally.quarantined,
            filtered: sum.filtered + tally.filtered,
        })
    }

    pub async fn table(&self, folder: &str) -> DeltaTable {
        let path = self.folder.path().join("warehouse").join(folder);
        let url = url::Url::from_directory_path(path).unwrap();
        DeltaTableBuilder::from_url(url).unwrap().load().await.unwrap()
    }

    /// The answer of a query over `trips` and, if it exists, its quarantine as `aside`.
    pub async fn query(&self, sql: &str) -> String {
        let session = SessionContext::new();
        let tables = [("trips", "trips"), ("aside", "quarantine/trips")];
        for (name, folder) in tables {
            if self.folder.path().join("warehouse").join(folder).join("_delta_log").exists() {
                let provider = self.table(folder).await.table_provider().await.unwrap();
                session.register_table(name, provider).unwrap();
            }
        }
        let answer = session.sql(sql).await.unwrap().collect().await.unwrap();
        let text = pretty_format_batches(&answer).unwrap().to_string();
        let lines = text.lines().filter(|line| !line.starts_with('+')).skip(1);
        let cells =
            |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join("|");
        lines.map(cells).collect::<Vec<_>>().join("\n")
    }
}

fn retired() -> (tokio::sync::watch::Sender<bool>, Retire) {
    let (switch, retire) = Retire::pair();
    switch.send(true).unwrap();
    (switch, retire)
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
