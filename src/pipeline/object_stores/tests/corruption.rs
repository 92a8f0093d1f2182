//! Single mutations of files and of their checksums: the same bytes or a refusal that names the file,
//! whichever way it is read, and the survey sees what a reader would. `CAUDAL_MUTATIONS` sets how many.

use super::super::{Damage, open_store, survey};
use bytes::Bytes;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutPayload, path::Path as ObjectPath};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// How many mutations are asked for.
pub(crate) fn mutations() -> u64 {
    std::env::var("CAUDAL_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(300)
}

/// What was changed in a file, and how to change it back.
pub(crate) struct Mutation {
    pub what: String,
    path: PathBuf,
    before: Vec<u8>,
}

impl Mutation {
    pub(crate) fn undo(self) {
        std::fs::write(self.path, self.before).unwrap();
    }
}

/// Changes one thing in a file; `None` when that leaves it as it was.
pub(crate) fn mutate(random: &mut StdRng, path: &Path) -> Option<Mutation> {
    let before = std::fs::read(path).unwrap();
    let (mut bytes, length) = (before.clone(), before.len());
    let at = random.random_range(0..length.max(1));
    let kind = random.random_range(0..8);
    match kind {
        0 | 1 if length > 0 => bytes[at] ^= 1 << random.random_range(0..8),
        2 if length > 0 => bytes[at] = random.random(),
        3 => bytes.truncate(at),
        4 => {
            let more = random.random_range(1..5000);
            let byte = if random.random() { 0 } else { random.random() };
            bytes.resize(length + more, byte);
        }
        5 => bytes[at..(at + 4096).min(length)].fill(0),
        6 if length >= 1024 => {
            let (one, two) = (random.random_range(0..length / 512), random.random_range(0..length / 512));
            (0..512).for_each(|index| bytes.swap(one * 512 + index, two * 512 + index));
        }
        7 if length > 1 => drop(bytes.remove(at)),
        _ => bytes.insert(at, random.random()),
    }
    if bytes == before {
        return None;
    }
    std::fs::write(path, bytes).unwrap();
    Some(Mutation {
        what: format!("{} mutated ({kind}) at {at}", path.display()),
        path: path.to_owned(),
        before,
    })
}

/// Bytes as they were, or damage of the file by name.
fn same_or_named(read: Result<Bytes, Error>, expected: &[u8], file: &Path, what: &str) -> bool {
    match read {
        Ok(bytes) => {
            assert!(bytes == expected, "{what}: silently wrong");
            true
        }
        Err(error) => {
            let damage = Damage::within(&error).unwrap_or_else(|| panic!("{what}: {error}"));
            assert_eq!(damage.path, file, "{what}");
            false
        }
    }
}

async fn whole(store: &dyn ObjectStore, at: &ObjectPath) -> Result<Bytes, Error> {
    store.get(at).await?.bytes().await
}

fn some_range(random: &mut StdRng, length: usize) -> Range<usize> {
    let start = random.random_range(0..length);
    start..random.random_range(start + 1..=length.min(start + 9000))
}

#[tokio::test]
async fn no_mutation_of_an_object_or_its_checksums_is_silently_wrong() {
    let data = tempfile::tempdir().unwrap();
    let opened = open_store("file://raw", data.path()).unwrap();
    let (store, mut random) = (opened.store, StdRng::seed_from_u64(7));
    let mut files = Vec::new();
    for (number, length) in [1, 100, 4095, 4096, 4097, 8192, 30_000].into_iter().enumerate() {
        let line = |_| format!("{{\"n\":{},\"text\":\"abc\"}}\n", random.random::<u32>()).into_bytes();
        let bytes: Vec<u8> = (0..length / 20 + 1).flat_map(line).take(length).collect();
        let at = opened.prefix.clone().join(format!("{number}.jsonl"));
        store.put(&at, PutPayload::from(bytes.clone())).await.unwrap();
        files.push((data.path().join(format!("raw/{number}.jsonl")), at, bytes));
    }
    let (mut same, mut refused) = (0, 0);
    for seed in 0..mutations() {
        let mut random = StdRng::seed_from_u64(seed);
        let (file, at, bytes) = &files[random.random_range(0..files.len())];
        let hurt = if random.random_ratio(1, 3) {
            super::super::checksums::sums_of(file).unwrap()
        } else {
            file.clone()
        };
        let Some(mutation) = mutate(&mut random, &hurt) else { continue };
        let what = format!("seed {seed}: {}", mutation.what);
        let good = same_or_named(whole(&*store, at).await, bytes, file, &what);
        for _ in 0..2 {
            let range = some_range(&mut random, bytes.len());
            let asked = range.start as u64..range.end as u64;
            let part = store.get_range(at, asked.clone()).await;
            same_or_named(part, &bytes[range.clone()], file, &what);
            let parts = store.get_ranges(at, &[asked]).await.map(|mut parts| parts.remove(0));
            same_or_named(parts, &bytes[range], file, &what);
        }
        let seen = survey(std::slice::from_ref(file), |_| {}).unwrap();
        let found: Vec<&PathBuf> = seen.damaged.iter().map(|damage| &damage.path).collect();
        assert_eq!((seen.verified, found.len()), if good { (1, 0) } else { (0, 1) }, "{what}");
        (same, refused) = (same + u64::from(good), refused + u64::from(!good));
        mutation.undo();
    }
    assert!(refused > 0, "{same} {refused}");
}
