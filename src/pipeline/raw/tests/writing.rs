use super::encoding::{FORMATS, expand};
use crate::{
    pipeline::{
        Context, Retire, TaskError, Writers, now_ms,
        object_stores::open_store,
        raw::{
            Format, Intent, PathTemplate, draft::Shape, journal::Journal, object_path, progress::Progress,
            put::Tries, writer::ShardWriter,
        },
        stream::{
            Stream, StreamSection,
            directory::{Directory, Home, KinesisSettings, Selector},
        },
    },
    storage::{Batch, RecordBlock, StorageSettings, Store},
    telemetry::Metrics,
};
use std::{path::Path, sync::Arc, time::Duration};

const SOON: Duration = Duration::from_secs(3600);

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    stream: Arc<Stream>,
    metrics: Arc<Metrics>,
    format: Format,
    roll_bytes: u64,
    filter: Option<&'static str>,
}

impl Bench {
    async fn new(format: Format, roll_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let metrics = Metrics::new();
        let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
        let store = Store::open(&folder.path().join("log"), settings, metrics.storage()).unwrap();
        let section: StreamSection = serde_json::from_str("{}").unwrap();
        let stream = Stream::open("trips", &section, store.clone(), metrics.node("trips", "stream"));
        Self { stream: stream.await.unwrap(), folder, store, metrics, format, roll_bytes, filter: None }
    }

    async fn append(&self, payloads: &[&str]) {
        let mut block = RecordBlock::new();
        payloads.iter().for_each(|payload| block.push(now_ms(), b"key", b"", payload.as_bytes()));
        let mut batch = Batch::new();
        batch.append(self.stream.layout().shards()[0].id, block);
        self.store.commit(batch).await.unwrap();
    }

    fn writer(&self) -> ShardWriter {
        let template = PathTemplate::parse("{stream}").unwrap();
        let (format, roll_bytes) = (self.format, self.roll_bytes);
        ShardWriter {
            context: Context {
                node: "bronze".into(),
                store: self.store.clone(),
                metrics: self.metrics.node("bronze", "raw"),
                data: self.folder.path().to_owned(),
            },
            stream: Arc::clone(&self.stream),
            shape: Shape { stream: "trips".to_owned(), shard: 0, template, format, roll_bytes },
            address: "file://raw".to_owned(),
            store: open_store("file://raw", self.folder.path()).unwrap(),
            filter: self
                .filter
                .map(|condition| Arc::new(crate::pipeline::rules::Filter::compile(condition).unwrap())),
            roll_age: SOON,
            tries: Tries { most: 3, base: Duration::ZERO, longest: Duration::ZERO },
            progress: Arc::new(Progress::default()),
            writers: Writers::new(1),
        }
    }

    /// Runs a writer that is asked to end at once: it writes everything up to the tail.
    async fn drain(&self) -> Result<(), TaskError> {
        let (switch, retire) = Retire::pair();
        switch.send(true).unwrap();
        self.writer().run(retire).await
    }

    fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let mut objects = Vec::new();
        collect(&self.folder.path().join("raw"), &mut objects);
        objects.sort();
        objects
    }

    fn lines(&self) -> Vec<String> {
        let objects = self.objects().into_iter();
        let texts = objects.map(|(_, bytes)| String::from_utf8(expand(self.format, &bytes)).unwrap());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    fn checkpoint(&self) -> u64 {
        self.store.checkpoint("bronze", self.stream.layout().shards()[0].id).unwrap()
    }

    fn tally(&self) -> serde_json::Value {
        serde_json::from_slice(&self.store.get("tally/bronze/0").unwrap()).unwrap()
    }

    fn path(&self, first: u64, last: u64) -> String {
        object_path("trips", 0, (first, last), None, self.format)
    }
}

fn collect(folder: &Path, objects: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "crc") {
            continue;
        }
        match path.is_dir() {
            true => collect(&path, objects),
            false => objects.push((
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                std::fs::read(&path).unwrap(),
            )),
        }
    }
}

fn names(objects: &[(String, Vec<u8>)]) -> Vec<String> {
    objects.iter().map(|(name, _)| format!("trips/{name}")).collect()
}

#[tokio::test]
async fn objects_cover_every_sequence_once_and_the_checkpoint_follows() {
    let bench = Bench::new(Format::JsonLinesZstd, 20).await;
    bench
        .append(&["{\"n\":10000}", "{\"n\":10001}", "{\"n\":10002}", "{\"n\":10003}", "{\"n\":10004}"])
        .await;
    bench.drain().await.unwrap();
    let expected = [bench.path(0, 1), bench.path(2, 3), bench.path(4, 4)];
    assert_eq!(names(&bench.objects()), expected);
    assert_eq!(bench.lines().len(), 5);
    assert_eq!(bench.checkpoint(), 5);
    assert_eq!(bench.tally()["finished"], 5);
    bench.drain().await.unwrap();
    assert_eq!(names(&bench.objects()), expected, "nothing is written twice");
}

#[tokio::test]
async fn a_crash_after_the_intent_or_the_put_leaves_one_object_for_the_range() {
    for (format, put_was_done) in FORMATS.iter().flat_map(|format| [(*format, false), (*format, true)]) {
        let mut bench = Bench::new(format, u64::MAX).await;
        bench.append(&["{\"n\":0}", "{\"n\":1}", "{\"n\":2}"]).await;
        // What a writer had settled before it was killed: a range shorter than what lies there now.
        let intent =
            Intent { first: 0, last: 1, path: bench.path(0, 1), format, store: "file://raw".to_owned() };
        let shard = bench.stream.layout().shards()[0].id;
        let (_switch, retire) = Retire::pair();
        let journal = Journal::open(bench.store.clone(), "bronze".into(), shard, (0, None), retire).unwrap();
        journal.intend(&intent).await.unwrap();
        if put_was_done {
            let path = bench.folder.path().join("raw").join(&intent.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"torn").unwrap();
        }
        // Not even another format and size lead to another object over the same records.
        bench.format = Format::JsonLines;
        bench.roll_bytes = 1;
        bench.drain().await.unwrap();
        let objects = bench.objects();
        let mut expected = [intent.path, bench.path(2, 2)];
        expected.sort();
        assert_eq!(names(&objects), expected);
        assert!(objects.iter().all(|(_, bytes)| bytes != b"torn"));
        assert_eq!((bench.checkpoint(), bench.tally()["finished"].clone()), (3, 3.into()));
        assert_eq!(bench.store.get("intent/bronze/0"), None);
    }
}

#[tokio::test]
async fn an_object_written_again_is_the_same_bytes() {
    for format in FORMATS {
        let bench = Bench::new(format, u64::MAX).await;
        bench.append(&["{\"n\":0}", "{\n\"n\":1}"]).await;
        bench.drain().await.unwrap();
        let before = bench.objects();
        // As if the last batch, which moves the checkpoint, had never been committed.
        let intent =
            Intent { first: 0, last: 1, path: bench.path(0, 1), format, store: "file://raw".to_owned() };
        let mut batch = Batch::new();
        batch.checkpoint("bronze", bench.stream.layout().shards()[0].id, 0);
        batch.put("intent/bronze/0", serde_json::to_vec(&intent).unwrap(), None);
        bench.store.commit(batch).await.unwrap();
        bench.drain().await.unwrap();
        assert!(bench.objects() == before, "{format:?}");
    }
}

#[tokio::test]
async fn ranges_are_dense_over_filtered_records() {
    let mut bench = Bench::new(Format::JsonLines, 8).await;
    bench.filter = Some("n <> 0");
    bench.append(&["{\"n\":0,\"drop\":1}", "{\"n\":1}", "{\"n\":2}", "{\"n\":0,\"drop\":1}"]).await;
    bench.drain().await.unwrap();
    assert_eq!(names(&bench.objects()), [bench.path(0, 2)]);
    assert_eq!(bench.checkpoint(), 4, "filtered records at the end hold nothing back");
    bench.append(&["{\"n\":0,\"drop\":1}"]).await;
    bench.drain().await.unwrap();
    bench.append(&["{\"n\":0,\"drop\":1}", "{\"n\":6}"]).await;
    bench.drain().await.unwrap();
    assert_eq!(names(&bench.objects()), [bench.path(0, 2), bench.path(3, 6)]);
    assert_eq!(bench.lines(), ["{\"n\":1}", "{\"n\":2}", "{\"n\":6}"]);
    assert_eq!((bench.tally()["finished"].clone(), bench.tally()["filtered"].clone()), (3.into(), 4.into()));
}

#[tokio::test]
async fn a_store_that_cannot_be_written_ends_the_task_and_moves_nothing() {
    let bench = Bench::new(Format::JsonLines, u64::MAX).await;
    bench.append(&["{\"n\":0}"]).await;
    let raw = bench.folder.path().join("raw");
    let writer = bench.writer();
    // A file where the folder should be.
    std::fs::write(raw.join("trips"), b"").unwrap();
    let (switch, retire) = Retire::pair();
    switch.send(true).unwrap();
    let error = writer.run(retire).await.unwrap_err();
    assert!(error.to_string().starts_with("writing an object"), "{error}");
    assert!(bench.metrics.render().contains("caudal_retries_total{kind=\"raw\",node=\"bronze\"} 2"));
    assert_eq!(bench.checkpoint(), 0);
    std::fs::remove_file(raw.join("trips")).unwrap();
    bench.drain().await.unwrap();
    assert_eq!((names(&bench.objects()), bench.checkpoint()), (vec![bench.path(0, 0)], 1));
}

#[tokio::test]
async fn a_stream_made_anew_under_its_name_writes_beside_the_objects_of_the_one_before() {
    let mut bench = Bench::new(Format::JsonLines, u64::MAX).await;
    let (settings, home) = (KinesisSettings::default(), Home::default());
    let directory =
        Directory::open(bench.store.clone(), settings, home.clone(), &bench.metrics).await.unwrap();
    let mut taken: Vec<String> = Vec::new();
    for life in 0..3 {
        let node = bench.metrics.node("trips", "stream");
        let section = StreamSection::default();
        bench.stream = directory.topology_stream("trips", &section, node).await.unwrap();
        assert_eq!(bench.stream.incarnation().await.is_none(), life == 0);
        bench.append(&[&format!("{{\"life\":{life}}}")]).await;
        bench.drain().await.unwrap();
        let objects = names(&bench.objects());
        assert!(objects.len() == life + 1 && taken.iter().all(|name| objects.contains(name)), "{objects:?}");
        taken = objects;
        directory.topology_has(&std::collections::BTreeMap::new());
        let trips = directory.find(&home.account, &home.region, Selector::Name("trips")).unwrap();
        directory.delete(&trips, true, now_ms()).await.unwrap();
    }
    let mut lines = bench.lines();
    lines.sort();
    assert_eq!(lines, ["{\"life\":0}", "{\"life\":1}", "{\"life\":2}"]);
}
