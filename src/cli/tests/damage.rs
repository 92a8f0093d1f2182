//! What the doctor says of raw objects and tables, and what the verb ends with.

use super::{answer, lake};
use crate::{
    cli::doctor::{self, DoctorArguments, examine_data_files},
    storage::{StorageSettings, Store},
    telemetry::StorageMetrics,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn damaged(data: &Path) -> Vec<(String, u64, String)> {
    let found = examine_data_files(data, |_| {}).unwrap().survey.damaged;
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    found.into_iter().map(|damage| (name(damage.path), damage.offset, damage.what)).collect()
}

/// The first file of a folder with this ending.
fn some_file(folder: &Path, ending: &str) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.ends_with(ending) && !name.starts_with('.')
    });
    files.remove(0)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn sums_of(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.crc", name_of(path)))
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn doctor(data: &Path, seal: bool) -> Result<(), crate::error::Failure> {
    let data = Some(data.to_owned());
    doctor::run(&DoctorArguments { data, repair: false, accept_loss: false, seal })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_a_whole_folder_is_verified() {
    let lake = lake().await;
    let seen = tokio::task::block_in_place(|| examine_data_files(lake.path(), |_| {}).unwrap());
    assert!(seen.is_whole() && seen.survey.unverified.is_empty() && seen.survey.missing.is_empty());
    // Eight objects; of each table three parts, three commits and a checkpoint; the catalog.
    assert_eq!((seen.survey.verified, seen.left_behind), (8 + 2 * 7 + 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_names_a_damaged_file_of_every_kind() {
    let lake = lake().await;
    let data = lake.path();
    let kinds = [
        (some_file(&data.join("raw/plain"), ".jsonl"), "select count(*) as n from raw.lines"),
        (some_file(&data.join("raw/columns"), ".parquet"), "select sum(_sequence) as n from raw.columns"),
        (
            some_file(&data.join("warehouse/trips"), ".parquet"),
            "select sum(seconds) as n from warehouse.trips",
        ),
        (
            some_file(&data.join("warehouse/trips/_delta_log"), "2.json"),
            "select count(*) as n from warehouse.trips",
        ),
        (
            some_file(&data.join("warehouse/trips/_delta_log"), ".checkpoint.parquet"),
            "select count(*) as n from warehouse.trips",
        ),
        (data.join("catalog.json"), "show tables"),
    ];
    for (path, sql) in kinds {
        let before = fs::read(&path).unwrap();
        flip(&path, before.len() / 2);
        let told = answer(data, sql).await.unwrap_err();
        assert!(told.contains(&format!("{} is damaged at byte", name_of(&path))), "{told}");
        let found = tokio::task::block_in_place(|| damaged(data));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, name_of(&path));
        fs::write(&path, before).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_lost_everything_is_not_passed_over() {
    let lake = lake().await;
    for (folder, ending, table) in [("gzip", ".gz", "raw.gzip"), ("columns", ".parquet", "raw.columns")] {
        let path = some_file(&lake.path().join("raw").join(folder), ending);
        fs::write(&path, b"").unwrap();
        fs::remove_file(sums_of(&path)).unwrap();
        let told = answer(lake.path(), &format!("select count(*) as n from {table}")).await.unwrap_err();
        assert!(told.contains(&name_of(&path)) && told.contains("it is empty"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_from_what_others_removed() {
    let lake = lake().await;
    let trips = lake.path().join("warehouse/trips");
    let part = some_file(&trips, ".parquet");
    let object = some_file(&lake.path().join("raw/plain"), ".jsonl");
    let log = trips.join("_delta_log");
    // Another program vacuumed a file that is no longer the table's, and shortened the log.
    fs::write(trips.join(".part-gone.parquet.crc"), b"crc\0\0\0\x10\0").unwrap();
    fs::remove_file(some_file(&log, "0.json")).unwrap();
    let seen = tokio::task::block_in_place(|| examine_data_files(lake.path(), |_| {}).unwrap());
    assert!(seen.is_whole(), "{:?}", seen.survey.damaged);
    assert_eq!(seen.left_behind, 2);
    for path in [part, object, some_file(&log, "2.json")] {
        let before = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let found = tokio::task::block_in_place(|| damaged(lake.path()));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 == name_of(&path) && found[0].2.contains("it is missing"), "{found:?}");
        fs::write(&path, before).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_checksums_are_counted_checked_as_far_as_they_can_be_and_sealed_when_asked() {
    let lake = lake().await;
    let data = lake.path();
    let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
    Store::open(data, settings, StorageMetrics::unregistered()).unwrap().close().unwrap();
    let (plain, gzip) =
        (some_file(&data.join("raw/plain"), ".jsonl"), some_file(&data.join("raw/gzip"), ".gz"));
    let part = some_file(&data.join("warehouse/trips"), ".parquet");
    [&plain, &gzip, &part].into_iter().for_each(|path| fs::remove_file(sums_of(path)).unwrap());
    tokio::task::block_in_place(|| {
        let seen = examine_data_files(data, |_| {}).unwrap();
        assert_eq!((seen.survey.unverified.len(), seen.self_checked, seen.is_whole()), (3, 1, true));
        assert!(doctor(data, false).is_ok(), "files of other writers are no damage");
        flip(&gzip, 40);
        assert!(damaged(data)[0].2.starts_with("it cannot be expanded"));
        let mut short = fs::read(&part).unwrap();
        short.pop();
        fs::write(&part, &short).unwrap();
        let found = damaged(data);
        assert!(found.iter().any(|(name, ..)| *name == name_of(&part)), "{found:?}");
        let failure = doctor(data, true).unwrap_err();
        assert_eq!(failure.exit_code(), 4);
        assert!(failure.to_string().contains("2 data files are damaged or missing"), "{failure}");
        assert!(sums_of(&plain).exists(), "what can be vouched for is sealed");
        assert!(!sums_of(&gzip).exists() && !sums_of(&part).exists(), "damage is not");
    });
}
