//! Damage to a table stops its loader and its care, by name.

use super::bench::{Bench, section};
use crate::pipeline::{
    object_stores::open_store,
    warehouse::{
        table::{Particulars, Table},
        upkeep,
    },
};
use std::path::{Path, PathBuf};

fn some_file(folder: &Path, ending: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let plain = |path: &PathBuf| !path.file_name().unwrap().to_str().unwrap().starts_with('.');
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.to_str().unwrap().ends_with(ending)).filter(plain).collect();
    files.sort();
    files.remove(0)
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

async fn loaded() -> Bench {
    let bench = Bench::new(1).await;
    for turn in 0..3 {
        bench.append(0, &[format!("{{\"id\":{turn}}}").as_bytes()]).await;
        bench.load(&section("select id from input", &[]), None).await.unwrap();
    }
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_not_compacted() {
    let bench = loaded().await;
    let part = some_file(&bench.folder.path().join("warehouse/trips"), ".parquet");
    let warehouse = open_store("file://warehouse", bench.folder.path()).unwrap();
    let mut table = Table::new(&warehouse, "trips", "caudal/x".to_owned(), Particulars::default()).unwrap();
    table.refresh().await.unwrap();
    flip(&part);
    let compact = section("select id from input", &[]).compact;
    let told = upkeep::care(&mut table, &compact).await.unwrap_err().to_string();
    assert!(told.contains(&format!("{} is damaged at byte 0", part.display())), "{told}");
    assert!(part.exists());
    flip(&part);
    upkeep::care(&mut table, &compact).await.unwrap();
    assert_eq!(bench.query("select count(*), sum(id) from trips").await, "3|3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_of_a_table_stops_its_loader_and_moves_nothing() {
    let bench = loaded().await;
    let commit = some_file(&bench.folder.path().join("warehouse/trips/_delta_log"), "2.json");
    flip(&commit);
    bench.append(0, &[b"{\"id\":3}"]).await;
    let told = bench.load(&section("select id from input", &[]), None).await.unwrap_err().to_string();
    assert!(told.contains(&format!("{} is damaged at byte 0", commit.display())), "{told}");
    assert_eq!(bench.tally().finished, 3);
    flip(&commit);
    bench.load(&section("select id from input", &[]), None).await.unwrap();
    assert_eq!(bench.query("select count(*), sum(id) from trips").await, "4|6");
}
