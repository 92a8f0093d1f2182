//! Programs that do what their messages say, and what they leave behind.

pub use crate::pipeline::workers::bench::{Bench, LONG, origins, reasons, take};
use crate::{pipeline::workers::Run, storage::LeasedMessage, units::Span};
use serde_json::Value;
use std::{fs, path::PathBuf, time::Duration};

const ACTOR: &str = include_str!("actor.py");

impl Bench {
    pub fn notes_file(&self) -> PathBuf {
        self.folder.path().join("notes")
    }

    /// What the programs noted, line by line.
    pub fn notes(&self) -> Vec<String> {
        let notes = fs::read_to_string(self.notes_file()).unwrap_or_default();
        notes.lines().map(str::to_owned).collect()
    }

    pub async fn wait_for_note(&self, wanted: impl Fn(&str) -> bool) -> String {
        let look = async || loop {
            if let Some(found) = self.notes().into_iter().find(|note| wanted(note)) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        tokio::time::timeout(LONG, look()).await.expect("the program did not note it")
    }

    /// The program that does what its messages say.
    pub fn actor(&self) -> Run {
        let notes = self.notes_file().to_str().unwrap().to_owned();
        fs::write(self.folder.path().join("actor.py"), ACTOR).unwrap();
        let mut run = Run {
            command: Some(vec!["python3".to_owned(), "actor.py".to_owned()]),
            directory: Some(self.folder.path().to_str().unwrap().to_owned()),
            start: Some(Span(LONG)),
            ..Run::default()
        };
        run.env.0.insert("NOTES".to_owned(), notes);
        run
    }

    /// Processes that run in the bench's folder, as only its programs and their children do.
    pub fn processes(&self) -> Vec<String> {
        let folder = self.folder.path().canonicalize().unwrap();
        let runs_here =
            |entry: &fs::DirEntry| fs::read_link(entry.path().join("cwd")).is_ok_and(|at| at == folder);
        let found = fs::read_dir("/proc").unwrap().flatten().filter(runs_here);
        found.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// One worker works by `run` until `done` has come true. Why it failed meanwhile.
    pub async fn run_until(&self, run: Run, done: impl AsyncFnOnce()) -> Vec<String> {
        self.work_until(&self.pool(run), done).await
    }
}

pub fn payloads(messages: &[LeasedMessage]) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_slice(&message.record.payload).unwrap()).collect()
}
