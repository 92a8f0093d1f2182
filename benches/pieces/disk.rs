//! A store in a folder of its own, and a bare file on the same disk.

use caudal::{
    storage::{Batch, Retention, ShardId, StorageSettings, Store},
    telemetry::StorageMetrics,
};
use std::{fs::File, io::IoSlice, os::unix::fs::FileExt};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What is appended beyond this is given back, so that a bench needs little disk.
const KEPT_BYTES: u64 = 64 << 20;
/// Bytes of a bare file before it is written over.
const BARE_BYTES: usize = 64 << 20;

/// A store with one shard. The folder goes when it is dropped.
pub struct Disk {
    pub runtime: Runtime,
    pub store: Store,
    pub shard: ShardId,
    folder: TempDir,
}

impl Disk {
    pub fn open(settings: StorageSettings) -> Self {
        let folder = tempfile::tempdir_in(".").expect("folder");
        let runtime = Runtime::new().expect("runtime");
        let store = Store::open(&folder.path().join("data"), settings, StorageMetrics::unregistered());
        let store = store.expect("store");
        let shard = runtime.block_on(store.declare_shard("bench")).expect("shard");
        store.retain(shard, Retention { age: None, bytes: Some(KEPT_BYTES) });
        Self { runtime, store, shard, folder }
    }

    /// A file beside the store.
    pub fn bare(&self) -> Bare {
        Bare::new(&self.folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = self.store.close() {
            eprintln!("closing the store: {error}");
        }
    }
}

/// A file that was written once from end to end, so that writing it over changes nothing but its bytes: the least
/// that a flush can cost.
pub struct Bare {
    pub file: File,
    offset: usize,
}

impl Bare {
    fn new(folder: &TempDir) -> Self {
        let path = folder.path().join("bare");
        let options = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let file = options.expect("bare file");
        let piece = vec![b'x'; 1 << 20];
        for offset in (0..BARE_BYTES).step_by(piece.len()) {
            file.write_all_at(&piece, offset as u64).expect("write");
        }
        file.sync_all().expect("flush");
        Self { file, offset: 0 }
    }

    /// Writes the parts by one call and flushes them.
    pub fn write(&mut self, parts: &[IoSlice<'_>]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if self.offset + length > BARE_BYTES {
            self.offset = 0;
        }
        let written = rustix::io::pwritev(&self.file, parts, self.offset as u64).expect("write");
        assert_eq!(written, length, "a short write");
        self.file.sync_data().expect("flush");
        self.offset += length;
    }
}

/// A batch with what is put into it.
pub fn batch_of(fill: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch::new();
    fill(&mut batch);
    batch
}
