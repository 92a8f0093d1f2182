//! Shards judged at once give what they give one after the other.

use super::bench::{Bench, section};
use crate::{pipeline::warehouse::LoaderSection, units::ByteSize};
use std::{collections::BTreeSet, path::Path};

const SHARDS: u32 = 5;

fn rules() -> LoaderSection {
    let sql = "select id, upper(name) as name from input where id % 7 <> 0";
    let mut section = section(sql, &[("id % 11 = 0", "eleventh")]);
    // Less than one slice of each shard: commits end between two shards, with slices already begun.
    section.commit.bytes = ByteSize(300 << 10);
    section
}

async fn fill(bench: &Bench) {
    for shard in 0..SHARDS {
        for part in 0..3 {
            let from = (shard * 3 + part) * 3_000;
            // Shards differ in length, and some slices are short.
            let ids = from..from + 3_000 - shard * 400;
            let records: Vec<Vec<u8>> =
                ids.map(|id| format!("{{\"id\":{id},\"name\":\"name {id}\"}}").into_bytes()).collect();
            bench.append(shard, &records.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
        }
    }
}

/// The bytes of every data file of a table, whatever they are called.
fn files(bench: &Bench, folder: &str) -> BTreeSet<Vec<u8>> {
    let folder = bench.folder.path().join("warehouse").join(folder);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let data = paths.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    data.map(|path: std::path::PathBuf| std::fs::read(Path::new(&path)).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_lanes_write_the_very_files_that_one_lane_writes() {
    let mut loaded = Vec::new();
    for writers in [1, 4] {
        let mut bench = Bench::new(SHARDS).await;
        bench.writers = writers;
        fill(&bench).await;
        bench.load(&rules(), None).await.unwrap();
        let layout = bench.stream.layout();
        let checkpoints = layout.shards().iter().map(|shard| {
            let checkpoint = bench.store.checkpoint(super::bench::NODE, shard.id);
            checkpoint.unwrap()
        });
        let checkpoints: Vec<u64> = checkpoints.collect();
        loaded.push((files(&bench, "trips"), files(&bench, "quarantine/trips"), bench.tally(), checkpoints));
    }
    assert!(loaded[0].0.len() > 3, "{} commits", loaded[0].0.len());
    assert!(loaded[0] == loaded[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_judged_ahead_and_not_committed_is_loaded_after_a_crash() {
    let mut bench = Bench::new(SHARDS).await;
    bench.writers = 4;
    // The loader has its name in the log before the crash.
    bench.load(&rules(), None).await.unwrap();
    fill(&bench).await;
    let copy = bench.copy_log();
    bench.load(&rules(), None).await.unwrap();
    let tally = bench.tally();
    let mut bench = bench.back_to(copy, SHARDS).await;
    bench.writers = 3;
    bench.load(&rules(), None).await.unwrap();
    assert_eq!(bench.tally(), tally);
    let rows = bench.query("select count(*), count(distinct id) from trips").await;
    assert_eq!(rows, format!("{0}|{0}", tally.finished));
}
