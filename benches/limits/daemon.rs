//! The daemon as a process of its own.

use caudal::pipeline::process_files;
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Records come in by HTTP and are durable; nobody reads them.
pub const INGEST: &str = r#"
[ingress.collector]
listen = "127.0.0.1:0"
to = "events"
[stream.events]
shards = 4
retention = "1m"
"#;

/// What stores them as objects, too.
pub const RAW: &str = r#"
[raw.bronze]
from = "events"
store = "file://raw"
format = "jsonl"
"#;

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    pub ingress: String,
    admin: String,
    pub started_in: Duration,
}

impl Daemon {
    pub fn start(topology: &str, data: &Path) -> Self {
        let file = data.with_extension("toml");
        std::fs::write(&file, topology).expect("topology");
        let ready = data.join("run.json");
        let _ = std::fs::remove_file(&ready);
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_caudal"))
            .args(["run", &path_text(&file), "--data", &path_text(data)])
            .args(["--ingress", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--aws", "off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("daemon");
        let mut daemon =
            Self { child, ingress: String::new(), admin: String::new(), started_in: Duration::ZERO };
        while started.elapsed() < Duration::from_secs(60) {
            if let Ok(text) = std::fs::read_to_string(&ready)
                && let Ok(run) = serde_json::from_str::<serde_json::Value>(&text)
                && let Some(address) = run["ingress"]["collector"].as_str()
            {
                daemon.ingress = address.to_owned();
                daemon.admin = run["admin"].as_str().unwrap_or_default().to_owned();
                daemon.started_in = started.elapsed();
                return daemon;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the daemon did not serve within a minute");
    }

    /// Resident memory in MiB.
    pub fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("status");
        process_files::resident(&status).expect("VmRSS") as f64 / f64::from(1 << 20)
    }

    /// Processor time that all of its threads have had, also those that have ended. In hundredths of a
    /// second, the unit of `/proc` (see proc_pid_stat(5): `utime` and `stime`).
    pub fn processor_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("stat");
        let ticks = [14, 15].map(|field| process_files::stat_field::<f64>(&stat, field).expect("ticks"));
        ticks.iter().sum::<f64>() / 100.0
    }

    /// What `/health` of its admin server tells.
    pub fn health(&self) -> serde_json::Value {
        let mut stream = TcpStream::connect(&self.admin).expect("admin");
        let request = format!("GET /health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.admin);
        stream.write_all(request.as_bytes()).expect("request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answer");
        let body = answer.find('{').map_or("", |start| &answer[start..]);
        serde_json::from_str(body).expect("health as JSON")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path_text(path: &Path) -> String {
    PathBuf::from(path).display().to_string()
}

pub fn idle_memory() {
    let folder = tempfile::tempdir_in(".").expect("folder");
    let demo = std::fs::read_to_string("topologies/bicimad.toml").expect("demo topology");
    let daemon = Daemon::start(&demo, &folder.path().join("data"));
    std::thread::sleep(Duration::from_secs(10));
    let resident = daemon.resident();
    println!(
        "idle memory of the demo topology after 10 s: {resident:.1} MiB, target 60: {}",
        if resident <= 60.0 { "met" } else { "short" }
    );
}
