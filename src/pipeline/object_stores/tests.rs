pub(crate) mod corruption;
mod sealing;

use super::{StoreError, check_address, open_store};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path as ObjectPath};

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Names in a folder, those of checksums left out.
fn plain_names(folder: &std::path::Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| !name.ends_with(".crc")).collect()
}

#[tokio::test]
async fn relative_folders_lie_below_the_data_folder_and_are_made() {
    let data = tempfile::tempdir().unwrap();
    let opened = open_store("file://raw/bronze", data.path()).unwrap();
    assert!(data.path().join("raw/bronze").is_dir());
    assert!(opened.url.path().ends_with("/raw/bronze/"), "{}", opened.url);
    let at = opened.prefix.clone().join("a").join("b.txt");
    opened.store.put(&at, PutPayload::from_static(b"hello")).await.unwrap();
    assert_eq!(std::fs::read(data.path().join("raw/bronze/a/b.txt")).unwrap(), b"hello");
}

#[tokio::test]
async fn a_put_leaves_only_the_whole_object() {
    let data = tempfile::tempdir().unwrap();
    let opened = open_store("file://raw", data.path()).unwrap();
    let at = opened.prefix.clone().join("one");
    // What a crash in the middle of an earlier put has left.
    std::fs::write(data.path().join("raw/one#1"), b"hal").unwrap();
    opened.store.put(&at, PutPayload::from_static(b"whole")).await.unwrap();
    opened.store.put(&at, PutPayload::from_static(b"again")).await.unwrap();
    assert_eq!(opened.store.get(&at).await.unwrap().bytes().await.unwrap(), "again");
    assert_eq!(plain_names(&data.path().join("raw")), ["one", "one#1"]);
    let listed = opened.store.list_with_delimiter(Some(&opened.prefix)).await.unwrap();
    assert_eq!(listed.objects.len(), 1, "unfinished files are not listed");
}

#[tokio::test]
async fn create_refuses_a_name_that_exists() {
    let data = tempfile::tempdir().unwrap();
    let opened = open_store("file://log", data.path()).unwrap();
    let at = opened.prefix.clone().join("0.json");
    let create = |text: &'static [u8]| {
        opened.store.put_opts(&at, PutPayload::from_static(text), PutMode::Create.into())
    };
    create(b"first").await.unwrap();
    let refused = create(b"second").await.unwrap_err();
    assert!(matches!(refused, object_store::Error::AlreadyExists { .. }), "{refused}");
    assert_eq!(std::fs::read(data.path().join("log/0.json")).unwrap(), b"first");
    assert_eq!(plain_names(&data.path().join("log")), ["0.json"]);
}

#[tokio::test]
async fn parts_appear_together_or_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    let opened = open_store("file://parts", data.path()).unwrap();
    let at = opened.prefix.clone().join("deep").join("big");
    let mut upload = opened.store.put_multipart(&at).await.unwrap();
    let second = { upload.put_part(PutPayload::from_static(b"12345")) };
    let first = upload.put_part(PutPayload::from_static(b"678"));
    first.await.unwrap();
    assert!(opened.store.head(&at).await.is_err());
    second.await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(std::fs::read(data.path().join("parts/deep/big")).unwrap(), b"12345678");
    let mut given_up = opened.store.put_multipart(&at).await.unwrap();
    given_up.put_part(PutPayload::from_static(b"x")).await.unwrap();
    drop(given_up);
    assert_eq!(plain_names(&data.path().join("parts/deep")), ["big"]);
}

#[tokio::test]
async fn copies_and_renames_keep_their_bytes() {
    let data = tempfile::tempdir().unwrap();
    let opened = open_store("file://moves", data.path()).unwrap();
    let path = |name: &str| -> ObjectPath { opened.prefix.clone().join(name) };
    opened.store.put(&path("a"), PutPayload::from_static(b"a")).await.unwrap();
    opened.store.copy(&path("a"), &path("b")).await.unwrap();
    opened.store.rename_if_not_exists(&path("b"), &path("c")).await.unwrap();
    assert!(opened.store.rename_if_not_exists(&path("a"), &path("c")).await.is_err());
    assert_eq!(plain_names(&data.path().join("moves")), ["a", "c"]);
}

#[test]
fn addresses_are_refused_with_the_remedy() {
    let fault = |address: &str| check_address(address).unwrap_err().to_string();
    assert!(fault("raw").contains("file://FOLDER"));
    assert!(fault("file://").contains("file://FOLDER"));
    assert!(fault("ftp://host/raw").contains("known are file and s3"));
    assert!(fault("file://../out").contains("\"..\""));
    assert!(fault("s3:///prefix").contains("names no bucket"));
    assert!(check_address("s3://bucket").is_ok() && check_address("file:///srv/raw").is_ok());
}

#[test]
fn credentials_never_come_back_in_an_error() {
    let error = check_address("s3://ALICE:hunter2@bucket/raw").unwrap_err();
    assert!(matches!(error, StoreError::Credentials { .. }));
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("hunter2") && !text.contains("ALICE"), "{text}");
    }
}
