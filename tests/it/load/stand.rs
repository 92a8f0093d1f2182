//! A daemon that the load test's own code has started, and a producer that keeps its ledgers.

use crate::support::PATIENCE;
use caudal::load::{
    admin::Admin,
    aws_endpoint::AwsEndpoint,
    daemon::{Daemon, Launch},
    ledger::{Ledger, Standing},
    outcome::{Latency, Proof},
    proof::{ProofSources, Prover},
    scenario::ProofSpec,
    sink::{SINK_VARIABLE, Sink},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::Mutex;

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// A running daemon with its folder, removed at the end.
pub struct Stand {
    folder: tempfile::TempDir,
    pub daemon: Arc<Mutex<Daemon>>,
    pub sink: Arc<Sink>,
    pub began_ms: i64,
    pub ledgers: Vec<Ledger>,
    ingress: String,
    pub admin: Admin,
    pub aws: String,
    client: reqwest::Client,
}

impl Stand {
    pub async fn start(topology: &str, producers: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("caudal-it-").tempdir().unwrap();
        let file = folder.path().join("topology.toml");
        fs::write(&file, topology).unwrap();
        let sink = Sink::start().await.unwrap();
        let daemon = Daemon::start(Launch {
            program: env!("CARGO_BIN_EXE_caudal").into(),
            topology: file,
            data: folder.path().join("data"),
            log: folder.path().join("daemon.log"),
            environment: vec![(SINK_VARIABLE.to_owned(), sink.url().to_owned())],
            patience: PATIENCE,
        });
        let daemon = daemon.await.unwrap();
        Self {
            began_ms: now_ms(),
            ledgers: vec![Ledger::default(); producers],
            ingress: daemon.ingress.clone().unwrap(),
            admin: Admin::new(&daemon.admin).unwrap(),
            aws: daemon.aws.clone().unwrap(),
            daemon: Arc::new(Mutex::new(daemon)),
            sink: Arc::new(sink),
            folder,
            client: reqwest::Client::new(),
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Sends so many records of each producer, in requests of at most 50, and notes what was answered.
    pub async fn send(&mut self, stream: &str, records: u32) {
        for producer in 0..self.ledgers.len() {
            for part in (0..records).collect::<Vec<_>>().chunks(50) {
                self.send_part(stream, producer, part.len()).await;
            }
        }
    }

    async fn send_part(&mut self, stream: &str, producer: usize, records: usize) {
        let ledger = &mut self.ledgers[producer];
        let first = ledger.records().len() as u64;
        let mut body = String::new();
        for number in first..first + records as u64 {
            let key = (number % 7) as u32;
            ledger.send(key);
            let record = json!({
                "producer": producer, "number": number, "at": now_ms(), "key": format!("{producer}-{key}"),
                "short": number % 10 == 3,
            });
            body.push_str(&format!("{record}\n"));
        }
        let url = format!("{}/streams/{stream}/records", self.ingress);
        let standing = match self.client.post(url).body(body).send().await {
            Ok(answer) if answer.status() == 200 => Standing::Accepted,
            Ok(_) => Standing::Refused,
            Err(_) => Standing::Unknown,
        };
        (first..first + records as u64).for_each(|number| self.ledgers[producer].settle(number, standing));
    }

    pub fn accepted(&self) -> u64 {
        let records = self.ledgers.iter().flat_map(Ledger::records);
        records.filter(|(_, standing)| *standing == Standing::Accepted).count() as u64
    }

    pub async fn prover(&self, spec: Value) -> Prover {
        let spec: ProofSpec = serde_json::from_value(spec).unwrap();
        let sources = ProofSources {
            data: self.data(),
            admin: Some(self.admin.clone()),
            aws: Some(AwsEndpoint::open(&self.aws).unwrap()),
            began_ms: self.began_ms,
        };
        Prover::begin(spec, sources).await.unwrap()
    }

    pub async fn prove(&self, prover: &mut Prover) -> (Proof, BTreeMap<String, Latency>) {
        prover.prove(&self.ledgers, Instant::now()).await.unwrap()
    }

    pub async fn stop(self) {
        let Ok(daemon) = Arc::try_unwrap(self.daemon) else { panic!("somebody holds the daemon") };
        daemon.into_inner().stop().await.unwrap();
    }

    /// Waits for something that must come about.
    pub async fn wait_until(what: &str, mut met: impl AsyncFnMut() -> bool) {
        let begun = Instant::now();
        while !met().await {
            assert!(begun.elapsed() < PATIENCE, "{what} did not come about");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
