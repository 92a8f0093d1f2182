//! The object that a shard's writer is filling, and when it is full.

use super::{
    Format, PathTemplate,
    encode::{EncodeError, Encoder},
};
use crate::storage::StoredRecord;

const HOUR_MS: i64 = 3_600_000;

/// A record and whether the node's filter keeps it.
#[derive(Debug, Clone)]
pub struct Judged {
    pub record: StoredRecord,
    pub keep: bool,
}

/// Where a shard's objects lie, and how large they become.
#[derive(Debug, Clone)]
pub struct Shape {
    pub stream: String,
    pub shard: u32,
    pub template: PathTemplate,
    pub format: Format,
    pub roll_bytes: u64,
}

impl Shape {
    fn folder(&self, arrived_at_ms: i64) -> String {
        self.template.render(&self.stream, self.shard, arrived_at_ms)
    }
}

/// The folder of an object's first record, and the hour it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Folder {
    name: String,
    hour: i64,
}

/// Records read so far for one object, already encoded.
pub struct Draft {
    encoder: Encoder,
    /// Known from the first record that is kept.
    folder: Option<Folder>,
    /// Sequence after the last record taken.
    pub next: u64,
    pub kept: u64,
    pub filtered: u64,
    /// Payload bytes kept.
    pub bytes: u64,
}

impl Draft {
    /// # Errors
    /// When the format's encoder cannot be made.
    pub fn new(format: Format, next: u64) -> Result<Self, EncodeError> {
        Ok(Self { encoder: Encoder::new(format)?, folder: None, next, kept: 0, filtered: 0, bytes: 0 })
    }

    /// Records taken, filtered ones among them.
    pub fn taken(&self) -> u64 {
        self.kept + self.filtered
    }

    /// The folder the object lies in; `None` as long as no record was kept.
    pub fn folder(&self) -> Option<&str> {
        self.folder.as_ref().map(|folder| folder.name.as_str())
    }

    /// Takes records until the object is complete. Returns how many were taken, and whether the
    /// object is complete: it has reached its size, or the next record belongs to another folder.
    ///
    /// # Errors
    /// See [`EncodeError`]; the draft is of no use then.
    pub fn take(&mut self, records: &[Judged], shape: &Shape) -> Result<(usize, bool), EncodeError> {
        for (taken, judged) in records.iter().enumerate() {
            if judged.keep && !self.fits(judged.record.arrived_at_ms, shape) {
                return Ok((taken, true));
            }
            self.push(shape.shard, judged)?;
            if self.bytes >= shape.roll_bytes {
                return Ok((taken + 1, true));
            }
        }
        Ok((records.len(), false))
    }

    /// Takes one record, whatever its folder and the size: for an object whose range is settled.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn push(&mut self, shard: u32, judged: &Judged) -> Result<(), EncodeError> {
        self.next = judged.record.sequence + 1;
        if !judged.keep {
            self.filtered += 1;
            return Ok(());
        }
        self.kept += 1;
        self.bytes += judged.record.payload.len() as u64;
        self.encoder.push(shard, &judged.record)
    }

    fn fits(&mut self, arrived_at_ms: i64, shape: &Shape) -> bool {
        let hour = arrived_at_ms.div_euclid(HOUR_MS);
        match &self.folder {
            // No placeholder is finer than an hour, so nothing is rendered for most records.
            Some(folder) => folder.hour == hour || folder.name == shape.folder(arrived_at_ms),
            None => {
                self.folder = Some(Folder { name: shape.folder(arrived_at_ms), hour });
                true
            }
        }
    }

    /// The whole object.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        self.encoder.finish()
    }
}
