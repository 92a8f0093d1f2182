//! An ingress with a store, and a client that speaks plain HTTP/1.1.

use crate::{
    pipeline::{
        Capacity, Context, Stage, Target, Tasks,
        ingress::{IngressSection, IngressStage},
        queue::{Queue, QueueSection},
        stream::{Stream, StreamSection},
    },
    storage::{StorageSettings, Store, StoredRecord},
    telemetry::{Metrics, StorageMetrics},
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Runtime;

pub struct Daemon {
    pub address: SocketAddr,
    pub stream: Arc<Stream>,
    pub queue: Arc<Queue>,
    pub store: Store,
    pub stage: Option<IngressStage>,
    pub tasks: Tasks,
    pub runtime: Runtime,
    folder: tempfile::TempDir,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A section with `to` set, and what `with` adds to it.
pub fn section(with: serde_json::Value) -> IngressSection {
    let mut section = serde_json::json!({ "to": ["trips", "jobs"], "listen": "127.0.0.1:0" });
    section.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    serde_json::from_value(section).unwrap()
}

pub fn start(section: &IngressSection, stream: serde_json::Value) -> Daemon {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
    let store = Store::open(folder.path(), settings, StorageMetrics::unregistered()).unwrap();
    let metrics = Metrics::new();
    let stream_section: StreamSection = serde_json::from_value(stream).unwrap();
    let (stream, queue) = runtime.block_on(async {
        let metrics = metrics.node("trips", "stream");
        let stream = Stream::open("trips", &stream_section, store.clone(), metrics).await.unwrap();
        (stream, Queue::open("jobs", &QueueSection::default(), store.clone()).await.unwrap())
    });
    let mut tasks = Tasks::new(runtime.handle().clone(), "collector".into());
    let context = context(&store, folder.path());
    let mut stage = IngressStage::bind(context, section, targets(&stream, &queue)).unwrap();
    let address = stage.door().address();
    stage.reconcile(Capacity(2), &mut tasks);
    Daemon { address, stream, queue, store, stage: Some(stage), tasks, runtime, folder }
}

fn context(store: &Store, data: &Path) -> Context {
    Context {
        node: "collector".into(),
        store: store.clone(),
        metrics: Metrics::new().node("collector", "ingress"),
        data: data.to_owned(),
    }
}

fn targets(stream: &Arc<Stream>, queue: &Arc<Queue>) -> Vec<(String, Target)> {
    vec![
        ("trips".to_owned(), Target::Stream(Arc::clone(stream))),
        ("jobs".to_owned(), Target::Queue(Arc::clone(queue))),
    ]
}

/// A daemon with all defaults and four shards.
pub fn plain() -> Daemon {
    start(&section(serde_json::json!({})), serde_json::json!({ "shards": 4 }))
}

impl Daemon {
    /// A stage that takes over from the one that serves, and its tasks; it has not begun.
    pub fn successor(&self, section: &IngressSection) -> (IngressStage, Tasks) {
        let door = Arc::clone(self.stage.as_ref().unwrap().door());
        let context = context(&self.store, self.folder.path());
        let targets = targets(&self.stream, &self.queue);
        let stage = IngressStage::take_over(door, context, section, targets).unwrap();
        (stage, Tasks::new(self.runtime.handle().clone(), "collector".into()))
    }

    /// Hands over to a stage with another section, as a reload does.
    pub fn hand_over(&mut self, section: &IngressSection) {
        let (mut stage, mut tasks) = self.successor(section);
        stage.reconcile(Capacity(2), &mut tasks);
        let mut old = self.stage.replace(stage).unwrap();
        old.drain(&mut self.tasks);
        self.wait_until_ended();
        self.tasks = tasks;
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        request(self.address, "POST", path, headers, body)
    }

    pub fn records(&self, body: &[u8]) -> Answer {
        self.post("/streams/trips/records", &[], body)
    }

    pub fn stage(&mut self) -> &mut IngressStage {
        self.stage.as_mut().unwrap()
    }

    /// Records of one shard.
    pub fn stored(&self, shard: u32) -> Vec<StoredRecord> {
        let id = self.stream.shard(shard).unwrap().id;
        self.runtime.block_on(self.store.read(id, 0, 1_000_000, 1 << 30)).unwrap().records
    }

    /// Records of all shards.
    pub fn count(&self) -> u64 {
        self.stream.layout().shards().iter().map(|shard| self.store.range(shard.id).unwrap().next).sum()
    }

    /// Waits until all tasks of the ingress have ended.
    pub fn wait_until_ended(&mut self) {
        for _ in 0..1_000 {
            self.tasks.reap();
            if self.tasks.alive().count() == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("still alive: {:?}", self.tasks.alive().collect::<Vec<_>>());
    }
}

/// A connection, and what it has brought beyond the last answer.
pub struct Client {
    pub socket: TcpStream,
    read: Vec<u8>,
}

pub fn connect(address: SocketAddr) -> Client {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    Client { socket, read: Vec::new() }
}

pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut client = connect(address);
    client.send(method, path, headers, body);
    client.receive()
}

impl Client {
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: caudal\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.socket.write_all(head.as_bytes()).unwrap();
        // A server that refuses early may close before all has been written.
        let _ = self.socket.write_all(body);
    }

    pub fn records(&mut self, body: &[u8]) -> Answer {
        self.send("POST", "/streams/trips/records", &[], body);
        self.receive()
    }

    fn fill(&mut self) {
        let mut piece = [0; 65_536];
        let count = self.socket.read(&mut piece).unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&self.read));
        self.read.extend_from_slice(&piece[..count]);
    }

    pub fn receive(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.fill();
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut answer = Answer { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            self.fill();
        }
        answer.body = self.read.drain(..length).collect();
        answer
    }
}
