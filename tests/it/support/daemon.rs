//! The daemon as its users have it: a process, a topology file and a data folder.

use super::http::{Answer, Client};
use serde_json::Value;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// No wait of a test is longer than this. It says when something hangs, and nothing of how quick anything is.
pub const PATIENCE: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(5);

pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// A folder of a test with its topology file and data; removed at the end, unless the test failed.
#[derive(Debug)]
pub struct Bench {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Bench {
    pub fn new(topology: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("caudal-it-").tempdir().unwrap();
        fs::write(folder.path().join("topology.toml"), topology).unwrap();
        Self { folder, environment: Vec::new() }
    }

    /// Sets a variable for the daemons that are started from now on.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn topology(&self) -> PathBuf {
        self.folder.path().join("topology.toml")
    }

    /// Puts another topology in the file's place.
    pub fn rewrite(&self, topology: &str) {
        let aside = self.folder.path().join("topology.toml.new");
        fs::write(&aside, topology).unwrap();
        fs::rename(aside, self.topology()).unwrap();
    }

    /// `caudal reload`: its exit code and what it printed.
    pub fn reload(&self) -> (Option<i32>, String) {
        let data = self.data();
        let output = self.verb(&["reload", "--data", data.to_str().unwrap()]);
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
    }

    /// What the daemons of this bench printed.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("daemon.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caudal"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a verb to its end.
    pub fn verb(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `caudal query`, its answer as rows.
    pub fn query(&self, sql: &str) -> Vec<Value> {
        let data = self.data();
        let output = self.verb(&["query", sql, "--data", data.to_str().unwrap(), "--format", "json"]);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{sql}: {}\n{complaint}", output.status);
        match serde_json::from_str(&printed) {
            Ok(Value::Array(rows)) => rows,
            Ok(row @ Value::Object(_)) => vec![row],
            _ => printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        }
    }

    /// Starts the daemon and leaves it alone.
    pub fn launch(&self) -> Daemon {
        let _ = fs::remove_file(self.data().join("run.json"));
        self.launch_beside()
    }

    /// Starts a daemon on a data folder that may be in use.
    pub fn launch_beside(&self) -> Daemon {
        let data = self.data();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("daemon.log"))
            .unwrap();
        let topology = self.topology();
        let child = self
            .command(&["run", topology.to_str().unwrap(), "--data", data.to_str().unwrap()])
            .args([
                "--ingress",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--aws",
                "127.0.0.1:0",
                "--log-format",
                "json",
            ])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Daemon { child, data, log: self.folder.path().join("daemon.log"), ports: None }
    }

    /// Starts the daemon and waits until it serves.
    pub fn start(&self) -> Daemon {
        let mut daemon = self.launch();
        daemon.wait_until_serving();
        daemon
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            println!("data, topology and log are left in {}", self.folder.path().display());
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    ingress: SocketAddr,
    admin: SocketAddr,
    aws: Option<SocketAddr>,
}

/// A running daemon; killed by its own process id when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    data: PathBuf,
    log: PathBuf,
    ports: Option<Ports>,
}

impl Daemon {
    pub fn wait_until_serving(&mut self) {
        let started = Instant::now();
        while self.ports.is_none() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the daemon ended with {status} before it served\n{}", last_lines(&self.log));
            }
            assert!(started.elapsed() < PATIENCE, "the daemon does not serve\n{}", last_lines(&self.log));
            self.ports = self.read_ports();
            if self.ports.is_none() {
                std::thread::sleep(POLL);
            }
        }
    }

    fn read_ports(&self) -> Option<Ports> {
        let run: Value = serde_json::from_slice(&fs::read(self.data.join("run.json")).ok()?).ok()?;
        if run["pid"].as_u64() != Some(u64::from(self.child.id())) {
            return None;
        }
        let ingress = run["ingress"].as_object()?.values().next()?.as_str()?.parse().ok()?;
        let aws = run["aws"].as_str().and_then(|address| address.parse().ok());
        Some(Ports { ingress, admin: run["admin"].as_str()?.parse().ok()?, aws })
    }

    pub fn ingress(&self) -> Client {
        Client::new(self.ports.unwrap().ingress)
    }

    pub fn ingress_address(&self) -> SocketAddr {
        self.ports.unwrap().ingress
    }

    pub fn admin(&self) -> Client {
        Client::new(self.ports.unwrap().admin)
    }

    pub fn aws_address(&self) -> SocketAddr {
        self.ports.unwrap().aws.unwrap()
    }

    /// The AWS endpoint; there is none when it is off.
    pub fn aws(&self) -> Option<Client> {
        self.ports.unwrap().aws.map(Client::new)
    }

    pub fn health(&self) -> Health {
        let answer = self.admin().get("/health").unwrap();
        Health(answer.json())
    }

    /// Waits for the first observation that shows every node up.
    pub fn wait_until_ready(&self) -> Health {
        let started = Instant::now();
        loop {
            let health = self.health();
            if health.0["ready"] == true {
                return health;
            }
            assert!(started.elapsed() < PATIENCE, "not ready: {:#}\n{}", health.0, last_lines(&self.log));
            std::thread::sleep(POLL);
        }
    }

    /// Waits until a question about `/health` is answered with yes, by an observation that was begun
    /// after this call.
    pub fn wait_for(&self, what: &str, met: impl Fn(&Health) -> bool) -> Health {
        let (started, asked_at_ms) = (Instant::now(), now_ms());
        loop {
            let health = self.health();
            if health.observed_at_ms() > asked_at_ms && met(&health) {
                return health;
            }
            let late = started.elapsed() > PATIENCE;
            assert!(!late, "{what} did not come about\n{:#}\n{}", health.0, last_lines(&self.log));
            std::thread::sleep(POLL * 4);
        }
    }

    /// The most memory that it ever had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it has now, in bytes.
    pub fn resident_memory(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Threads that it has now.
    pub fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// SIGKILL, and no more.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let order = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &order]).status().unwrap().success());
    }

    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the daemon does not end\n{}", last_lines(&self.log));
            std::thread::sleep(POLL);
        }
    }

    /// SIGTERM, a full drain, and exit code 0.
    pub fn stop(mut self) {
        self.terminate();
        let status = self.wait_for_exit();
        assert_eq!(status.code(), Some(0), "a drained daemon ends clean\n{}", last_lines(&self.log));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of a log, for the message of a failed test.
fn last_lines(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// What `/health` told.
#[derive(Debug, Clone)]
pub struct Health(pub Value);

/// The durable counts of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub finished: u64,
    pub quarantined: u64,
    pub filtered: u64,
}

impl Counted {
    pub fn sum(self) -> u64 {
        self.finished + self.quarantined + self.filtered
    }
}

impl Health {
    pub fn node(&self, name: &str) -> &Value {
        let nodes = &self.0["nodes"];
        let node = match nodes {
            Value::Array(nodes) => nodes.iter().find(|node| node["name"] == name || node["node"] == name),
            _ => nodes.get(name),
        };
        node.unwrap_or_else(|| panic!("/health does not know {name}: {:#}", self.0))
    }

    /// A field of a node's observation, wherever it is nested.
    pub fn observed<'a>(&'a self, name: &str, field: &str) -> &'a Value {
        let node = self.node(name);
        let nested = node.get("observation").and_then(|observation| observation.get(field));
        nested.or_else(|| node.get(field)).unwrap_or(&Value::Null)
    }

    pub fn number(&self, name: &str, field: &str) -> u64 {
        self.observed(name, field).as_u64().unwrap_or_else(|| panic!("{name}.{field}: {:#}", self.0))
    }

    pub fn observed_at_ms(&self) -> i64 {
        self.0["observed_at_ms"].as_i64().unwrap_or_else(|| panic!("no observed_at_ms: {:#}", self.0))
    }

    /// Records of its stream that a reader has not ended: unread, or in its hands.
    pub fn in_flight(&self, name: &str) -> u64 {
        match self.observed(name, "detail").get("unread") {
            Some(unread) => unread.as_u64().unwrap(),
            None => self.number(name, "backlog") + self.number(name, "in_flight"),
        }
    }

    pub fn tally(&self, name: &str) -> Counted {
        let tally = self.observed(name, "tally");
        let count = |field: &str| tally[field].as_u64().unwrap_or_else(|| panic!("{name}: {:#}", self.0));
        Counted {
            finished: count("finished"),
            quarantined: count("quarantined"),
            filtered: count("filtered"),
        }
    }
}

/// A good answer's placements, `(shard, sequence)` of each record in order.
pub fn placements(answer: &Answer) -> Vec<(i64, i64)> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let records = body["records"].as_array().unwrap_or_else(|| panic!("no records in {body}"));
    let place = |record: &Value| (record["shard"].as_i64().unwrap(), record["sequence"].as_i64().unwrap());
    let placed: Vec<(i64, i64)> = records.iter().map(place).collect();
    assert_eq!(body["accepted"].as_u64().unwrap(), placed.len() as u64, "{body}");
    placed
}
