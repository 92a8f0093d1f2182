//! What the store promises, tried through its public face.

mod basics;
mod clocks;
mod closing;
mod corruption;
mod doctor;
mod format_1;
mod model;
mod pages;
pub mod power;
mod queues;
mod recovery;
mod upkeep;
mod waiting;

use super::locking::locked;
use super::upkeep::Job;
use super::{Batch, RecordBlock, ShardId, StorageSettings, Store};
use crate::telemetry::StorageMetrics;
use std::path::Path;

fn open(folder: &Path) -> Store {
    Store::open(folder, StorageSettings::small(), StorageMetrics::unregistered()).expect("the folder opens")
}

fn block(payloads: &[&[u8]]) -> RecordBlock {
    let mut block = RecordBlock::new();
    payloads.iter().for_each(|payload| block.push(7, b"key", b"", payload));
    block
}

fn append(shard: ShardId, payloads: &[&[u8]]) -> Batch {
    let mut batch = Batch::new();
    batch.append(shard, block(payloads));
    batch
}

/// Lets the upkeep thread look after everything now.
pub fn tick(store: &Store) {
    let (done, wait) = flume::bounded(1);
    let jobs = locked(&store.handle.threads).as_ref().map(|threads| threads.jobs.clone());
    jobs.expect("the store is open").send(Job::Tick(done)).expect("the upkeep thread lives");
    wait.recv().expect("the upkeep thread answers");
}

/// All payloads of a shard from a sequence on.
async fn payloads(store: &Store, shard: ShardId, from: u64) -> Vec<Vec<u8>> {
    let (mut at, mut all) = (from, Vec::new());
    loop {
        let slice = store.read(shard, at, 7, 3000).await.expect("readable");
        if slice.records.is_empty() {
            return all;
        }
        for record in &slice.records {
            assert_eq!(record.sequence, from + all.len() as u64);
            all.push(record.payload.to_vec());
        }
        at = slice.next;
    }
}

/// Copies a data folder as a kill at this moment would leave it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The frames of a log file: offset, end and LSN of each.
fn frames_of(folder: &Path, number: u64) -> Vec<(u64, u64, u64)> {
    let image = super::log_file::image(&super::log_file::log_path(folder, number)).unwrap();
    let header = super::log_file::FileHeader::decode(&image).unwrap();
    super::log_file::frames(&image, header.salt, super::log_file::FIRST_FRAME)
        .map(|frame| (frame.offset, frame.end(), frame.header.lsn))
        .collect()
}

/// The log files that hold frames.
fn written_files(folder: &Path) -> Vec<u64> {
    let logs = super::log_file::log_folder(folder);
    let numbers = super::disk::list(&logs).unwrap();
    let numbers = numbers.iter().filter_map(|path| super::log_file::number_of(path));
    numbers.filter(|number| !frames_of(folder, *number).is_empty()).collect()
}

/// Overwrites bytes of a file.
fn damage(path: &Path, offset: u64, bytes: &[u8]) {
    super::disk::write_all_at(&super::disk::open_to_write(path).unwrap(), bytes, offset).unwrap();
}
