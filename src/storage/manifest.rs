//! The manifest: which files belong to the store, and how far the log is known to reach.
//!
//! Two slots, `manifest.0` and `manifest.1`, both written at every change, one flushed before the other
//! is touched: whatever happens to one, the other holds the current or the last state. Slot, little endian:
//! magic `CMAN`, `version u16` (1), `clean u8`, `zero u8`, `generation u64`, `durable_lsn u64` (the log
//! is at least this long; when clean, exactly), `snapshots u32` and the LSN (`u64`) of each, newest first,
//! `files u32` and `number u64, salt u64` of each, CRC32C of all before.

use super::sum::crc32c;
use super::{OpenError, disk};
use bytes::{Buf, BufMut};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const MAGIC: u32 = u32::from_le_bytes(*b"CMAN");
pub(super) const MANIFEST_VERSION: u16 = 1;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub generation: u64,
    /// The log was closed in order and ends exactly at `durable_lsn`.
    pub clean: bool,
    pub durable_lsn: u64,
    /// LSNs of the snapshots kept, newest first.
    pub snapshots: Vec<u64>,
    /// Log files and their salts.
    pub files: BTreeMap<u64, u64>,
}

/// What a slot holds.
#[derive(Debug)]
pub(super) enum Slot {
    Missing,
    Damaged(&'static str),
    Version(u16),
    Valid(Manifest),
}

pub(super) fn slot_path(folder: &Path, slot: usize) -> PathBuf {
    folder.join(format!("manifest.{slot}"))
}

impl Manifest {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + 16 * self.files.len());
        bytes.put_u32_le(MAGIC);
        bytes.put_u16_le(MANIFEST_VERSION);
        bytes.put_u8(u8::from(self.clean));
        bytes.put_u8(0);
        bytes.put_u64_le(self.generation);
        bytes.put_u64_le(self.durable_lsn);
        bytes.put_u32_le(u32::try_from(self.snapshots.len()).unwrap_or(0));
        self.snapshots.iter().for_each(|lsn| bytes.put_u64_le(*lsn));
        bytes.put_u32_le(u32::try_from(self.files.len()).unwrap_or(0));
        for (number, salt) in &self.files {
            bytes.put_u64_le(*number);
            bytes.put_u64_le(*salt);
        }
        bytes.put_u32_le(crc32c(&bytes));
        bytes
    }

    fn decode_fields(mut fields: &[u8]) -> Option<Self> {
        fields.try_get_u32_le().ok()?;
        fields.try_get_u16_le().ok()?;
        let clean = fields.try_get_u8().ok()? == 1;
        fields.try_get_u8().ok()?;
        let generation = fields.try_get_u64_le().ok()?;
        let durable_lsn = fields.try_get_u64_le().ok()?;
        let count = fields.try_get_u32_le().ok()?;
        let snapshots = (0..count).map(|_| fields.try_get_u64_le().ok()).collect::<Option<Vec<_>>>()?;
        let count = fields.try_get_u32_le().ok()?;
        let mut file = |_| Some((fields.try_get_u64_le().ok()?, fields.try_get_u64_le().ok()?));
        let files = (0..count).map(&mut file).collect::<Option<BTreeMap<_, _>>>()?;
        fields.is_empty().then_some(Self { generation, clean, durable_lsn, snapshots, files })
    }

    pub(super) fn decode(bytes: &[u8]) -> Slot {
        let Some((checked, crc)) = bytes.split_last_chunk::<4>() else {
            return Slot::Damaged("the manifest is cut");
        };
        let mut start = checked;
        if u32::from_le_bytes(*crc) != crc32c(checked) || start.try_get_u32_le() != Ok(MAGIC) {
            return Slot::Damaged("the manifest's checksum does not match");
        }
        match start.try_get_u16_le() {
            Ok(version) if version > MANIFEST_VERSION => Slot::Version(version),
            _ => {
                Self::decode_fields(checked).map_or(Slot::Damaged("the manifest cannot be read"), Slot::Valid)
            }
        }
    }
}

pub(super) fn read_slot(folder: &Path, slot: usize) -> Result<Slot, OpenError> {
    let path = slot_path(folder, slot);
    match disk::read_whole(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Slot::Missing),
        Err(source) => Err(OpenError::Io { doing: "reading", path, source }),
        Ok(bytes) => Ok(Manifest::decode(&bytes)),
    }
}

/// The newest valid manifest, or `None` in a folder without any.
///
/// # Errors
/// When there are slots and none can be used.
pub(super) fn newest(folder: &Path) -> Result<Option<Manifest>, OpenError> {
    let (mut best, mut trouble): (Option<Manifest>, Option<OpenError>) = (None, None);
    for slot in [0, 1] {
        let path = slot_path(folder, slot);
        match read_slot(folder, slot)? {
            Slot::Missing => {}
            Slot::Damaged(what) => {
                trouble.get_or_insert(OpenError::Corrupt { path, offset: 0, what: what.to_owned() });
            }
            Slot::Version(found) => {
                return Err(OpenError::Version { path, found, supported: MANIFEST_VERSION });
            }
            Slot::Valid(manifest) => {
                if best.as_ref().is_none_or(|best| best.generation < manifest.generation) {
                    best = Some(manifest);
                }
            }
        }
    }
    match (best, trouble) {
        (None, Some(trouble)) => Err(trouble),
        (best, _) => Ok(best),
    }
}

/// The manifest as it is now, and the way to change it.
#[derive(Debug)]
pub(super) struct ManifestKeeper {
    folder: PathBuf,
    current: Manifest,
}

impl ManifestKeeper {
    pub(super) fn new(folder: &Path, current: Manifest) -> Self {
        Self { folder: folder.to_owned(), current }
    }
    pub(super) fn current(&self) -> &Manifest {
        &self.current
    }
    /// Changes the manifest and makes the change durable.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Manifest)) -> io::Result<()> {
        let mut next = self.current.clone();
        change(&mut next);
        next.generation += 1;
        let bytes = next.encode();
        for slot in [0, 1] {
            disk::overwrite(&slot_path(&self.folder, slot), &bytes)?;
        }
        self.current = next;
        Ok(())
    }
}
