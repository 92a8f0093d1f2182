//! A broken rule, and where in which file.

use super::document::{Document, KeyPath, Position};
use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use super::problem::Problem;

/// One thing to correct, shown as `FILE:LINE: KEY: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: PathBuf,
    /// Line 0 when the fault is the whole file's.
    pub position: Position,
    pub key: KeyPath,
    /// Name of the broken rule, see [`Problem::rule`].
    pub rule: &'static str,
    /// Field, value and remedy. Values from the environment are never part of it.
    pub message: String,
}

impl Fault {
    pub fn new(file: &Path, position: Position, key: KeyPath, problem: &Problem) -> Self {
        Self { file: file.to_owned(), position, key, rule: problem.rule(), message: problem.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.file.display())?;
        if self.position.line > 0 {
            write!(out, "{}:", self.position.line)?;
        }
        if !self.key.is_root() {
            write!(out, " {}:", self.key)?;
        }
        write!(out, " {}", self.message)
    }
}

/// Gathers the faults of one file.
#[derive(Debug)]
pub struct Faults<'a> {
    file: &'a Path,
    document: &'a Document,
    found: Vec<Fault>,
}

impl<'a> Faults<'a> {
    pub fn new(file: &'a Path, document: &'a Document, found: Vec<Fault>) -> Self {
        Self { file, document, found }
    }

    /// Adds a fault of the value at `path`.
    pub fn add(&mut self, path: &KeyPath, problem: &Problem) {
        self.add_at(self.document.locate(path), path, problem);
    }

    /// Adds a fault of the field at `path` whose name, not value, is wrong.
    pub fn add_at(&mut self, position: Position, path: &KeyPath, problem: &Problem) {
        let mut fault = Fault::new(self.file, position, path.clone(), problem);
        fault.message = self.document.secrets.hide(&fault.message);
        self.found.push(fault);
    }

    /// Adds a fault of a line of the text at `path`; lines count from 1.
    pub fn add_within(&mut self, path: &KeyPath, line: Option<usize>, problem: &Problem) {
        let position = self.document.locate(path);
        let text = self.document.root.text_at(path);
        let inner = line.zip(text).filter(|(_, text)| text.written.contains('\n'));
        let position = match inner {
            // The column counts from where the text's line begins, so it only holds for a long text.
            Some((line, text)) => Position { line: text.first_line + line.saturating_sub(1), column: 1 },
            None => position,
        };
        self.add_at(position, path, problem);
    }

    /// Whether the value at `path` refers to what the environment does not have: it was reported,
    /// and nothing more can be said of it.
    pub fn is_unresolved(&self, path: &KeyPath) -> bool {
        let unresolved = |fault: &Fault| matches!(fault.rule, "missing-variable" | "bad-reference");
        self.found.iter().any(|fault| unresolved(fault) && fault.key == *path)
    }

    pub fn document(&self) -> &'a Document {
        self.document
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All faults in the order of the file.
    pub fn sorted(self) -> Vec<Fault> {
        sorted(self.found)
    }
}

/// The faults in the order of the file, each once.
pub fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by(|one, other| {
        let place = |fault: &Fault| (fault.position, fault.key.to_string());
        place(one).cmp(&place(other))
    });
    faults.dedup();
    faults
}
