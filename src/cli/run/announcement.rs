//! What the daemon says once it is up: a few lines for a person, a file for tools.

use crate::{
    supervisor::Health,
    topology::{Plan, text},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs, io,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::watch;

/// Below the data folder while the daemon runs: its process id, addresses and topology.
pub(super) const RUN_FILE: &str = "run.json";

/// What was wired, and where.
pub(super) struct Announcement {
    pub plan: Plan,
    pub file: RunFile,
    pub data: PathBuf,
}

/// What the run file tells.
pub(super) struct RunFile {
    pub topology: String,
    pub listening: Vec<(String, SocketAddr)>,
    pub admin: SocketAddr,
    /// Of the AWS endpoint, unless it is off.
    pub aws: Option<SocketAddr>,
}

impl RunFile {
    /// Writes it below the data folder. Blocking.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, data: &Path) -> io::Result<()> {
        let ingress: BTreeMap<&str, String> =
            self.listening.iter().map(|(name, address)| (name.as_str(), address.to_string())).collect();
        let told = json!({
            "pid": std::process::id(),
            "topology": self.topology,
            "ingress": ingress,
            "admin": self.admin.to_string(),
            "aws": self.aws.map(|address| address.to_string()),
            "data": data,
        });
        replace(&data.join(RUN_FILE), told.to_string().as_bytes())
    }
}

impl Announcement {
    /// Waits until every node is up, then writes the run file and prints what was wired.
    pub(super) async fn when_ready(self, mut health: watch::Receiver<Arc<Health>>) {
        if health.wait_for(|health| health.ready).await.is_err() {
            return;
        }
        if let Err(error) = self.file.write(&self.data) {
            tracing::warn!(%error, file = RUN_FILE, "cannot tell tools where the daemon listens");
        }
        // Nobody may be reading standard output: that is no reason to stop.
        let _ = io::stdout().write_all(self.lines().as_bytes());
    }

    fn lines(&self) -> String {
        let mut lines = text(&self.plan);
        lines.push('\n');
        let mut line = |label: &str, value: String| lines.push_str(&format!("{label:<7}{value}\n"));
        for (name, address) in &self.file.listening {
            let posted = self.plan.node(name).and_then(|node| node.to.first());
            let stream = posted.map_or("NAME", |target| Plan::public_name(target));
            let url = format!("http://{address}/streams/{stream}/records");
            line("post", format!("curl --data-binary @records.jsonl {url}"));
        }
        line("admin", format!("http://{} (/health, /metrics, /pools)", self.file.admin));
        if let Some(address) = self.file.aws {
            line("aws", format!("AWS_ENDPOINT_URL=http://{address} aws kinesis list-streams"));
        }
        line("data", self.data.display().to_string());
        line("reload", "caudal reload, or SIGHUP, reads the topology again".to_owned());
        line("stop", "Ctrl-C drains, a second one stops at once".to_owned());
        lines
    }
}

/// Writes a file so that a reader sees all of it or the one before.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = file.with_extension("json.new");
    fs::write(&aside, bytes)?;
    fs::rename(aside, file)
}
