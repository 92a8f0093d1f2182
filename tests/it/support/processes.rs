//! The programs that a daemon has started.

use super::daemon::{Bench, PATIENCE};
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// A process of a bench.
#[derive(Debug, Clone)]
pub struct Process {
    pub id: String,
    pub arguments: String,
}

impl Bench {
    /// The processes that have the bench's folder among their arguments, besides its daemons.
    pub fn processes(&self) -> Vec<Process> {
        let topology = self.topology();
        let folder = topology.parent().unwrap().to_str().unwrap();
        let process = |entry: fs::DirEntry| {
            let bytes = fs::read(entry.path().join("cmdline")).ok()?;
            let arguments = String::from_utf8_lossy(&bytes).replace('\0', " ");
            let is_ours = arguments.contains(folder) && !arguments.contains("--data");
            is_ours.then(|| Process { id: entry.file_name().into_string().unwrap(), arguments })
        };
        fs::read_dir("/proc").unwrap().flatten().filter_map(process).collect()
    }

    /// Waits until so many live, or more.
    pub fn wait_for_processes(&self, count: usize) {
        let started = Instant::now();
        while self.processes().len() < count {
            assert!(started.elapsed() < PATIENCE, "{:?}\n{}", self.processes(), self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// None outlives what it belongs to; one that was killed may take a moment to be gone.
    pub fn wait_until_no_process_is_left(&self) {
        let started = Instant::now();
        while !self.processes().is_empty() {
            assert!(started.elapsed() < PATIENCE, "left behind: {:?}", self.processes());
            thread::sleep(Duration::from_millis(20));
        }
    }
}
