//! Examination: every checksum and every gap of a data folder.

use crate::storage::diagnosis::{Examination, Finding, Progress, Remedy};
use crate::storage::frame::{self, Frame};
use crate::storage::index::Index;
use crate::storage::log_file::{self, FIRST_FRAME, FileHeader, FileKind, PlacedEntry, PlacedRun};
use crate::storage::manifest::{self, Manifest, Slot};
use crate::storage::recovery::failed;
use crate::storage::sum::Order;
use crate::storage::{OpenError, block, disk, opening, snapshot};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

const LOSES_RECORDS: &str = "records and messages in this part are lost unless a copy is restored";

struct Examiner<'a> {
    folder: &'a Path,
    manifest: Manifest,
    seen: Examination,
    /// The next sequence of each shard and queue.
    next: BTreeMap<u32, u64>,
    /// Where the log broke off without a following frame: file, offset.
    end: Option<(u64, u64)>,
    lsn: Option<u64>,
    gap_explained: bool,
    last_number: u64,
}

/// Verifies a data folder. Blocking; takes as long as reading everything takes.
///
/// # Errors
/// When the folder is in use or cannot be read; damage is not an error but a finding.
pub fn examine(folder: &Path, mut progress: impl FnMut(&Progress)) -> Result<Examination, OpenError> {
    let lock = opening::lock(folder)?;
    let mut examiner = Examiner {
        folder,
        manifest: Manifest::default(),
        seen: Examination::default(),
        next: BTreeMap::new(),
        end: None,
        lsn: None,
        gap_explained: false,
        last_number: 0,
    };
    examiner.manifests()?;
    examiner.snapshots()?;
    let numbers = examiner.numbers()?;
    for (files_done, number) in numbers.iter().enumerate() {
        let path = log_file::log_path(folder, *number);
        progress(&Progress { path, files_done, files: numbers.len() });
        examiner.log_file(*number)?;
    }
    examiner.log_end();
    drop(lock);
    Ok(examiner.seen)
}

impl Examiner<'_> {
    fn find(&mut self, path: &Path, offset: u64, what: impl Into<String>, consequence: &str, remedy: Remedy) {
        let (path, what, consequence) = (path.to_owned(), what.into(), consequence.to_owned());
        self.seen.findings.push(Finding { path, offset, what, consequence, remedy });
    }

    fn damaged(&mut self, number: u64, offset: u64, what: impl Into<String>) {
        let path = log_file::log_path(self.folder, number);
        self.find(&path, offset, what, LOSES_RECORDS, Remedy::SetAside);
        self.seen.damaged.push(number);
        self.gap_explained = true;
    }

    /// What comes next need not follow what was seen last.
    fn explain_gap(&mut self) {
        self.gap_explained = true;
        self.next.clear();
    }

    fn manifests(&mut self) -> Result<(), OpenError> {
        let mut broken = Vec::new();
        for slot in [0, 1] {
            let path = manifest::slot_path(self.folder, slot);
            match manifest::read_slot(self.folder, slot)? {
                Slot::Missing => broken.push((path, "this copy of the manifest is missing".to_owned())),
                Slot::Damaged(what) => broken.push((path, what.to_owned())),
                Slot::Version(found) => {
                    return Err(OpenError::Version { path, found, supported: manifest::MANIFEST_VERSION });
                }
                Slot::Valid(manifest) if manifest.generation >= self.manifest.generation => {
                    self.manifest = manifest;
                }
                Slot::Valid(_) => {}
            }
        }
        let (consequence, remedy) = if broken.len() < 2 {
            ("none: the other copy is whole", Remedy::RewriteManifest)
        } else {
            ("nothing says which files belong to the log", Remedy::Restore)
        };
        for (path, what) in broken {
            self.find(&path, 0, what, consequence, remedy);
        }
        Ok(())
    }

    fn snapshots(&mut self) -> Result<(), OpenError> {
        let mut broken = Vec::new();
        let snapshots = self.manifest.snapshots.clone();
        for lsn in &snapshots {
            let path = snapshot::snapshot_path(self.folder, *lsn);
            match disk::read_whole(&path) {
                Ok(bytes) => {
                    self.seen.bytes += bytes.len() as u64;
                    if snapshot::decode(&bytes).is_err() {
                        broken.push((path, "the snapshot's checksum does not match"));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    broken.push((path, "the snapshot is missing although the manifest names it"));
                }
                Err(error) => return Err(failed("reading", &path)(error)),
            }
        }
        let replaceable = broken.len() < snapshots.len() || self.manifest.files.contains_key(&1);
        for (path, what) in broken {
            if replaceable {
                let consequence = "none: the next start replays more of the log";
                self.find(&path, 0, what, consequence, Remedy::DropSnapshot);
            } else {
                let consequence = "what the log held before its first kept file is not known any more";
                self.find(&path, 0, what, consequence, Remedy::Restore);
            }
        }
        Ok(())
    }

    /// The log files that there are or should be.
    fn numbers(&self) -> Result<Vec<u64>, OpenError> {
        let logs = log_file::log_folder(self.folder);
        let paths = disk::list(&logs).map_err(failed("reading", &logs))?;
        let last = self.manifest.files.keys().next_back().copied().unwrap_or(0);
        let present = paths.iter().filter_map(|path| log_file::number_of(path));
        let mut numbers: BTreeSet<u64> = present.filter(|number| *number > last).collect();
        numbers.extend(self.manifest.files.keys());
        Ok(numbers.into_iter().collect())
    }

    fn log_file(&mut self, number: u64) -> Result<(), OpenError> {
        if self.last_number + 1 != number {
            // Retention has let the files in between go.
            self.explain_gap();
        }
        self.last_number = number;
        let path = log_file::log_path(self.folder, number);
        let named = self.manifest.files.get(&number).copied();
        let image = match log_file::image(&path) {
            Ok(image) => image,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.damaged(number, 0, "the file is missing although the manifest names it");
                return Ok(());
            }
            Err(error) => return Err(failed("reading", &path)(error)),
        };
        self.seen.files += 1;
        self.seen.bytes += image.len() as u64;
        let header = match FileHeader::decode(&image) {
            Ok(header) => header,
            Err(_) if named.is_none() => return Ok(()),
            Err(bad) => match bad.at(&path) {
                OpenError::Corrupt { what, .. } => {
                    self.damaged(number, 0, what);
                    return Ok(());
                }
                other => return Err(other),
            },
        };
        let fits = named.is_none_or(|salt| salt == header.salt || salt == header.origin_salt);
        if header.number != number || !fits {
            self.damaged(number, 0, "the file header is another file's than the manifest names");
            return Ok(());
        }
        self.frames(number, &header, &image);
        self.index(number, &header, &image);
        Ok(())
    }

    fn frames(&mut self, number: u64, header: &FileHeader, image: &[u8]) {
        let mut offset = FIRST_FRAME;
        for frame in log_file::frames(image, header.salt, FIRST_FRAME) {
            self.frame(number, header, &frame);
            offset = frame.end();
        }
        let after = self.lsn.map_or(1, |lsn| lsn + 1);
        let later = frame::later_frame(image, offset, header.salt, after);
        if let (Some(later), FileKind::Written) = (later, header.kind) {
            let what = format!(
                "a frame is damaged: commits {after} to {} cannot be read, whole frames follow at byte {}",
                later.header.lsn.saturating_sub(1),
                later.offset
            );
            self.damaged(number, offset, what);
        } else if header.kind != FileKind::Written && offset < header.size {
            self.damaged(number, offset, "a frame is damaged");
        } else if (image.len() as u64) < header.size {
            let what = format!("the file is cut: it had {} bytes", header.size);
            self.damaged(number, image.len() as u64, what);
        }
        if offset > FIRST_FRAME || self.end.is_none() {
            self.end = Some((number, offset));
        }
        if header.kind != FileKind::Written {
            self.explain_gap();
        }
        let torn = image.get(usize::try_from(offset).unwrap_or(0)..).and_then(frame::FrameHeader::decode);
        if torn.is_some_and(|torn| torn.salt == header.salt) && self.manifest.durable_lsn < after {
            let path = log_file::log_path(self.folder, number);
            let consequence = "none: a crash cut a commit that was never answered";
            self.find(&path, offset, "the last frame is not whole", consequence, Remedy::CutTail);
        }
    }

    fn frame(&mut self, number: u64, header: &FileHeader, frame: &Frame<'_>) {
        let lsn = frame.header.lsn;
        if let Some(last) = self.lsn
            && lsn != last + 1
            && header.kind == FileKind::Written
            && !self.gap_explained
        {
            let what = format!("commit {lsn} follows commit {last}");
            self.damaged(number, frame.offset, what);
        }
        self.gap_explained = false;
        self.lsn = Some(lsn);
        self.seen.last_lsn = lsn;
        self.seen.commits += 1;
        let entries = match log_file::entries(frame) {
            Ok(entries) => entries,
            Err(what) => return self.damaged(number, frame.offset, what),
        };
        for entry in entries {
            if let PlacedEntry::Run(placed) = entry {
                self.run(number, header, frame, &placed);
            }
        }
    }

    fn run(&mut self, number: u64, header: &FileHeader, frame: &Frame<'_>, placed: &PlacedRun<'_>) {
        let run = placed.run;
        let expected = self.next.insert(run.track, run.first + u64::from(run.count));
        let first_seen = expected.is_none_or(|expected| expected == run.first);
        if !first_seen && header.kind == FileKind::Written && self.seen.damaged.is_empty() {
            let expected = expected.unwrap_or(0);
            let what =
                format!("shard {}: sequence {} follows where {expected} was due", run.track, run.first);
            self.damaged(number, frame.offset, what);
        }
        let mut rest = Bytes::copy_from_slice(placed.records);
        for sequence in run.first..run.first + u64::from(run.count) {
            if let Err(what) = block::take_record(&mut rest, sequence) {
                let what = format!("shard {}, sequence {sequence}: {what}", run.track);
                return self.damaged(number, frame.offset, what);
            }
            self.seen.records += 1;
        }
    }

    fn index(&mut self, number: u64, header: &FileHeader, image: &[u8]) {
        let path = log_file::index_path(self.folder, number);
        let Ok(bytes) = disk::read_whole(&path) else { return };
        let good = Index::decode(&bytes, number, header.salt)
            .is_some_and(|index| index.all().iter().all(|span| span_holds(span, image)));
        if !good {
            let consequence = "none: it is built again from the log file";
            self.find(&path, 0, "the index does not match its log file", consequence, Remedy::RebuildIndex);
        }
    }

    fn log_end(&mut self) {
        let proven = self.manifest.durable_lsn.max(self.manifest.snapshots.first().copied().unwrap_or(0));
        let reached = self.lsn.unwrap_or(0);
        if let Some((number, offset)) = self.end
            && (reached > 0 || !self.manifest.snapshots.is_empty())
            && reached < proven
            && self.seen.damaged.is_empty()
            && !self.gap_explained
        {
            let what = format!("the log ends at commit {reached} although commit {proven} was durable");
            self.damaged(number, offset, what);
        }
    }
}

/// True when the records at a span's place are the ones it speaks of.
fn span_holds(span: &crate::storage::span::Span, image: &[u8]) -> bool {
    let from = usize::try_from(span.offset).unwrap_or(usize::MAX);
    let Some(bytes) = image.get(from..).and_then(|rest| rest.get(..usize::try_from(span.length).ok()?))
    else {
        return false;
    };
    let (mut rest, mut order, mut count) = (bytes, Order::default(), 0);
    while let Some(seen) = block::outline(rest) {
        order.add(seen.crc);
        count += 1;
        rest = rest.get(seen.length..).unwrap_or_default();
    }
    rest.is_empty() && count == span.count && order == span.order
}
