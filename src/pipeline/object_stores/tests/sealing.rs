//! Checksums lie beside every file, and never accuse a good one.

use super::super::{Damage, open_store, read_file, replace_file, seal, survey};
use super::{names, plain_names};
use futures::TryStreamExt;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path as ObjectPath,
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

struct Place {
    data: tempfile::TempDir,
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
}

impl Place {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let opened = open_store("file://raw", data.path()).unwrap();
        Self { data, store: opened.store, prefix: opened.prefix }
    }

    fn at(&self, name: &str) -> ObjectPath {
        self.prefix.clone().join(name)
    }

    fn folder(&self) -> PathBuf {
        self.data.path().join("raw")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    async fn put(&self, name: &str, bytes: &[u8]) {
        self.store.put(&self.at(name), PutPayload::from(bytes.to_vec())).await.unwrap();
    }

    async fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let payload = PutPayload::from(bytes.to_vec());
        self.store.put_opts(&self.at(name), payload, PutMode::Create.into()).await.map(drop)
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, Error> {
        Ok(self.store.get(&self.at(name)).await?.bytes().await?.to_vec())
    }

    async fn damage(&self, name: &str) -> Damage {
        Damage::within(&self.get(name).await.unwrap_err()).unwrap().clone()
    }
}

fn pattern(length: u32) -> Vec<u8> {
    (0..length).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

#[tokio::test]
async fn whatever_is_written_has_its_checksums_beside_it() {
    let place = Place::new();
    let bytes = pattern(3 << 20);
    place.put("put", &bytes).await;
    place.create("created", &bytes).await.unwrap();
    let mut upload = place.store.put_multipart(&place.at("parts")).await.unwrap();
    let parts: Vec<_> =
        bytes.chunks(1_000_001).map(|part| upload.put_part(PutPayload::from(part.to_vec()))).collect();
    // Parts may reach the file in any order.
    for part in parts.into_iter().rev() {
        part.await.unwrap();
    }
    upload.complete().await.unwrap();
    place.store.copy(&place.at("put"), &place.at("copied")).await.unwrap();
    place.store.rename(&place.at("created"), &place.at("renamed")).await.unwrap();
    place.store.rename_if_not_exists(&place.at("copied"), &place.at("moved")).await.unwrap();
    replace_file(&place.file("catalog.json"), b"{}").unwrap();
    let expected = ["catalog.json", "moved", "parts", "put", "renamed"];
    let hidden: Vec<String> = expected.iter().map(|name| format!(".{name}.crc")).collect();
    assert_eq!(names(&place.folder()), [&hidden[..], &expected.map(str::to_owned)].concat());
    for name in &expected[1..] {
        assert!(place.get(name).await.unwrap() == bytes, "{name}");
    }
    let seen = survey(&[place.folder()], |_| {}).unwrap();
    assert_eq!((seen.verified, seen.bytes), (5, 4 * (3 << 20) + 2));
    assert!(seen.damaged.is_empty() && seen.unverified.is_empty() && seen.missing.is_empty());
}

#[tokio::test]
async fn checksums_are_no_objects() {
    let place = Place::new();
    place.put("one", b"1").await;
    let listed = place.store.list_with_delimiter(Some(&place.prefix)).await.unwrap().objects;
    let all: Vec<_> = place.store.list(Some(&place.prefix)).try_collect().await.unwrap();
    let later: Vec<_> =
        place.store.list_with_offset(Some(&place.prefix), &place.at("!")).try_collect().await.unwrap();
    for objects in [listed, all, later] {
        assert_eq!(
            objects.iter().map(|object| object.location.clone()).collect::<Vec<_>>(),
            [place.at("one")]
        );
    }
    place.store.delete(&place.at("one")).await.unwrap();
    assert_eq!(names(&place.folder()), Vec::<String>::new());
    assert!(matches!(place.store.delete(&place.at("one")).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn files_of_other_writers_are_read_as_they_are() {
    let place = Place::new();
    std::fs::write(place.file("theirs"), b"hello").unwrap();
    assert_eq!(place.get("theirs").await.unwrap(), b"hello");
    assert_eq!(survey(&[place.folder()], |_| {}).unwrap().unverified, [place.file("theirs")]);
    seal(&place.file("theirs")).unwrap();
    assert_eq!(survey(&[place.folder()], |_| {}).unwrap().verified, 1);
    // Hadoop's own checksums cover 512 bytes each.
    let mut sums = b"crc\0\0\0\x02\0".to_vec();
    let bytes = pattern(1025);
    bytes.chunks(512).for_each(|part| sums.extend(super::super::checksums::crc32(part).to_be_bytes()));
    std::fs::write(place.file("hadoops"), &bytes).unwrap();
    std::fs::write(place.file(".hadoops.crc"), &sums).unwrap();
    assert_eq!(place.get("hadoops").await.unwrap(), bytes);
    std::fs::write(place.file("hadoops"), pattern(1024)).unwrap();
    assert_eq!(place.damage("hadoops").await.offset, 1024);
}

#[tokio::test]
async fn only_parts_that_are_read_are_verified_and_damage_is_named() {
    let place = Place::new();
    let mut bytes = pattern(100_000);
    place.put("one", &bytes).await;
    bytes[50_000] ^= 1;
    std::fs::write(place.file("one"), &bytes).unwrap();
    let damage = place.damage("one").await;
    assert_eq!((damage.path.clone(), damage.offset), (place.file("one"), 49_152));
    let told = place.get("one").await.unwrap_err().to_string();
    assert!(told.contains("/raw/one is damaged at byte 49152") && told.contains("remove .one.crc"), "{told}");
    let at = place.at("one");
    let part = place.store.get_range(&at, 49_000..49_100).await.unwrap();
    assert_eq!(part, bytes[49_000..49_100]);
    let parts = place.store.get_ranges(&at, &[5..10, 53_248..60_000, 99_999..100_000]).await.unwrap();
    assert_eq!(parts.iter().map(bytes::Bytes::len).collect::<Vec<_>>(), [5, 6752, 1]);
    assert!(place.store.get_ranges(&at, &[5..10, 50_000..50_001]).await.is_err());
    assert!(place.store.get_range(&at, 49_000..49_153).await.is_err());
    let last = GetOptions { range: Some(GetRange::Suffix(10)), ..GetOptions::default() };
    assert_eq!(place.store.get_opts(&at, last).await.unwrap().bytes().await.unwrap(), bytes[99_990..]);
    assert!(place.store.get_ranges(&at, &[0..1, 99_999..100_001]).await.is_err(), "beyond the end");
}

#[tokio::test]
async fn the_hint_of_a_table_has_no_checksums_since_any_writer_replaces_it() {
    let place = Place::new();
    std::fs::write(place.file("._last_checkpoint.crc"), b"of another writer").unwrap();
    place.put("_last_checkpoint", b"{\"version\":1}").await;
    assert_eq!(names(&place.folder()), ["_last_checkpoint"]);
    std::fs::write(place.file("._last_checkpoint.crc"), b"of another writer").unwrap();
    assert_eq!(place.get("_last_checkpoint").await.unwrap(), b"{\"version\":1}");
}

#[tokio::test]
async fn what_a_crash_leaves_between_two_steps_is_never_called_damaged() {
    let place = Place::new();
    let steps: [(&str, &[u8]); 3] = [("nothing", b""), ("old bytes", b"old"), ("new bytes", b"new")];
    for (left, found) in steps {
        for leftover in [false, true] {
            let (file, sums) = (place.file("one"), place.file(".one.crc"));
            let _ = std::fs::remove_file(&file);
            let _ = std::fs::remove_file(&sums);
            if !found.is_empty() {
                std::fs::write(&file, found).unwrap();
                assert_eq!(place.get("one").await.unwrap(), found, "{left}");
            } else if leftover {
                // Somebody who knows nothing of checksums removed the file.
                std::fs::write(&sums, b"crc\0\0\0\x10\0abcd").unwrap();
                place.create("one", b"made").await.unwrap();
                assert_eq!(place.get("one").await.unwrap(), b"made");
            }
            if leftover {
                std::fs::write(place.file(".one.crc#1"), b"crc").unwrap();
            }
            place.put("one", b"new").await;
            assert_eq!(place.get("one").await.unwrap(), b"new", "{left}");
            assert_eq!(survey(&[file], |_| {}).unwrap().verified, 1, "{left}");
        }
    }
    assert_eq!(plain_names(&place.folder()), [".one.crc#1", "one"]);
}

#[tokio::test]
async fn who_loses_a_name_leaves_the_checksums_of_who_won() {
    let place = Place::new();
    place.create("0.json", b"first").await.unwrap();
    let before = std::fs::read(place.file(".0.json.crc")).unwrap();
    assert!(matches!(place.create("0.json", b"second").await, Err(Error::AlreadyExists { .. })));
    place.put("other", b"third").await;
    assert!(place.store.rename_if_not_exists(&place.at("other"), &place.at("0.json")).await.is_err());
    assert!(place.store.copy(&place.at("none"), &place.at("0.json")).await.is_err());
    assert_eq!(std::fs::read(place.file(".0.json.crc")).unwrap(), before);
    assert_eq!(place.get("0.json").await.unwrap(), b"first");
}

/// Every state that a reader can see while a file is replaced is one that a kill can leave.
#[test]
fn a_reader_beside_a_writer_sees_old_or_new_bytes_and_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.json");
    let versions = [pattern(9000), pattern(5000).into_iter().rev().collect(), b"short".to_vec()];
    replace_file(&path, &versions[0]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (path, versions, done) = (&path, &versions, &done);
        for _ in 0..2 {
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let seen = read_file(path).unwrap();
                    assert!(versions.iter().any(|version| seen == version[..]));
                }
            });
        }
        for turn in 0..200 {
            replace_file(path, &versions[turn % 3]).unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(survey(&[path], |_| {}).unwrap().verified, 1);
}

#[test]
fn writers_of_one_name_neither_fail_nor_leave_or_show_the_checksums_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("N.checkpoint.parquet");
    replace_file(&path, b"first").unwrap();
    for turn in 0..50_u8 {
        std::thread::scope(|scope| {
            for writer in 0..3_u8 {
                let path: &Path = &path;
                scope.spawn(move || replace_file(path, &[turn, writer].repeat(3000)).unwrap());
            }
            scope.spawn(|| (0..20).for_each(|_| drop(read_file(&path).unwrap())));
        });
        assert!(read_file(&path).is_ok(), "turn {turn}");
        assert_eq!(
            survey(std::slice::from_ref(&path), |_| {}).unwrap().verified,
            1,
            "turn {turn}: the last has its own"
        );
    }
}
