//! What the doctor finds, in plain words.

use std::path::PathBuf;

/// What can be done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Build the index again from its log file. Nothing is lost.
    RebuildIndex,
    /// Write the manifest again from its other copy. Nothing is lost.
    RewriteManifest,
    /// Go on without this snapshot; a start replays more of the log. Nothing is lost.
    DropSnapshot,
    /// Cut what a crash left of a commit that was never answered. Nothing is lost.
    CutTail,
    /// Keep what is whole of a damaged log file and set the rest aside as `*.damaged`.
    /// Records are lost: done only when the loss is accepted, and written down in `LOSSES.json`.
    SetAside,
    /// Only a copy of the data folder helps.
    Restore,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub path: PathBuf,
    /// Where in the file, in bytes.
    pub offset: u64,
    pub what: String,
    /// What it means for whoever owns the data.
    pub consequence: String,
    pub remedy: Remedy,
}

impl Finding {
    /// True when repairing costs no record.
    pub fn is_harmless(&self) -> bool {
        !matches!(self.remedy, Remedy::SetAside | Remedy::Restore)
    }
}

/// How far an examination has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub path: PathBuf,
    pub files_done: usize,
    pub files: usize,
}

/// What an examination saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    pub findings: Vec<Finding>,
    pub files: u64,
    pub bytes: u64,
    pub commits: u64,
    pub records: u64,
    /// The last whole commit.
    pub last_lsn: u64,
    /// Which log files have to be salvaged.
    pub(super) damaged: Vec<u64>,
}

impl Examination {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
    /// True when everything found can be repaired without losing a record.
    pub fn is_harmless(&self) -> bool {
        self.findings.iter().all(Finding::is_harmless)
    }
}

/// Sequences of a shard or queue that damage has taken: `first` up to `next`, which is not included.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Loss {
    pub shard: u32,
    pub name: String,
    pub first: u64,
    pub next: u64,
}

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// In plain words, in order.
    pub actions: Vec<String>,
    /// All losses that the folder knows of, earlier ones included.
    pub losses: Vec<Loss>,
}
