//! Single mutations of every kind of file below a data folder. `CAUDAL_MUTATIONS` sets how many; a
//! hundredth of it where each is answered by a query and examined by the whole doctor.

use super::{answer, lake};
use crate::{
    cli::doctor::examine_data_files,
    pipeline::object_stores::{Damage, Mutation, mutate, mutations, open_store, read_file, survey},
};
use object_store::{ObjectStoreExt, path::Path as ObjectPath};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What a file is asked for, by where it lies.
const QUESTIONS: [(&str, &str); 7] = [
    ("raw/plain/", "select n, text from raw.lines order by n"),
    ("raw/gzip/", "select n, text from raw.gzip order by n"),
    ("raw/zstd/", "select n, text from raw.zstd order by n"),
    ("raw/columns/", "select _shard, _sequence, _key, data from raw.columns order by data"),
    ("warehouse/trips/", "select origin, seconds from warehouse.trips order by seconds"),
    ("warehouse/quarantine/trips/", "select origin, seconds from quarantine.trips order by seconds"),
    ("", "show tables"),
];

fn question(data: &Path, file: &Path) -> &'static str {
    let below = file.strip_prefix(data).unwrap().to_str().unwrap();
    QUESTIONS.iter().find(|(folder, _)| below.starts_with(folder)).unwrap().1
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// The name of the file that is damaged when this one is: that of the data, not of its checksums.
fn blamed(file: &Path) -> String {
    let name = file.file_name().unwrap().to_str().unwrap();
    let of_sums = name.strip_prefix('.').and_then(|name| name.strip_suffix(".crc"));
    of_sums.unwrap_or(name).to_owned()
}

/// True if the answer was the same, false if it was refused by name.
async fn tried(data: &Path, file: &Path, mutation: &Mutation, expected: &str) -> bool {
    let (answered, name) = (answer(data, question(data, file)).await, blamed(file));
    let found = tokio::task::block_in_place(|| examine_data_files(data, |_| {}).unwrap().survey.damaged);
    if read_file(&file.with_file_name(&name)).is_err() {
        assert!(found.iter().any(|damage| damage.path.ends_with(&name)), "{}: {found:?}", mutation.what);
    }
    match answered {
        Ok(answered) => {
            assert!(answered == expected, "{}: silently wrong: {answered}", mutation.what);
            true
        }
        Err(told) => {
            assert!(told.contains(&name), "{}: {told}", mutation.what);
            assert!(!found.is_empty(), "{}: the doctor finds nothing; {told}", mutation.what);
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mutation_below_a_data_folder_is_silently_wrong() {
    let lake = lake().await;
    let data = lake.path().canonicalize().unwrap();
    let (files, mut expected) = (files_below(&data), BTreeMap::new());
    for file in &files {
        let sql = question(&data, file);
        expected.insert(sql, answer(&data, sql).await.unwrap());
    }
    assert_eq!(expected.len(), QUESTIONS.len());
    let hints: Vec<PathBuf> =
        files.iter().filter(|file| file.ends_with("_last_checkpoint")).cloned().collect();
    assert_eq!(hints.len(), 2, "{files:?}");
    let (mut same, mut refused) = (0, 0);
    for seed in 0..(mutations() / 100).max(40) {
        let mut random = StdRng::seed_from_u64(seed);
        // The hints of tables have no checksums, so that they are worth more tries.
        let among = if random.random_ratio(1, 8) { &hints } else { &files };
        let file = among[random.random_range(0..among.len())].clone();
        let Some(mutation) = mutate(&mut random, &file) else { continue };
        let identical = tried(&data, &file, &mutation, &expected[question(&data, &file)]).await;
        (same, refused) = (same + u64::from(identical), refused + u64::from(!identical));
        mutation.undo();
    }
    assert!(refused > 0, "{same} {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mutation_of_any_kind_of_file_reaches_who_reads_it_through_the_store() {
    let lake = lake().await;
    let data = lake.path().canonicalize().unwrap();
    let store = open_store("file://raw", &data).unwrap().store;
    let mut files = files_below(&data);
    files.retain(|file| !file.ends_with("_last_checkpoint"));
    let (mut same, mut refused) = (0, 0);
    for seed in 0..mutations() {
        let mut random = StdRng::seed_from_u64(seed);
        let hurt = &files[random.random_range(0..files.len())];
        let file = hurt.with_file_name(blamed(hurt));
        let expected = std::fs::read(&file).unwrap();
        let Some(mutation) = mutate(&mut random, hurt) else { continue };
        let at = ObjectPath::from_absolute_path(&file).unwrap();
        let read = match store.get(&at).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        let seen = survey(std::slice::from_ref(&file), |_| {}).unwrap().damaged;
        match read {
            Ok(bytes) => {
                assert!(
                    bytes == expected && seen.is_empty(),
                    "seed {seed}: {}: silently wrong",
                    mutation.what
                );
                same += 1;
            }
            Err(error) => {
                let damage = Damage::within(&error).unwrap_or_else(|| panic!("{}: {error}", mutation.what));
                assert!(damage.path == file && seen.len() == 1, "seed {seed}: {}: {error}", mutation.what);
                refused += 1;
            }
        }
        mutation.undo();
    }
    assert!(refused > 0, "{same} {refused}");
}
