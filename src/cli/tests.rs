//! Damage below a data folder: queries refuse it by name, and the doctor finds it.

mod corruption;
mod damage;

use crate::pipeline::{
    catalog::{Catalog, LoaderEntry, RawEntry},
    object_stores::open_store,
    raw::{Format, RawSection, encode_payloads, object_path},
    warehouse::{LoaderSection, open_table},
};
use crate::query::ask;
use bytes::Bytes;
use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use deltalake_core::{
    DeltaTable, checkpoints,
    logstore::{StorageConfig, default_logstore},
    protocol::SaveMode,
};
use object_store::{ObjectStoreExt, prefix::PrefixStore};
use std::{path::Path, sync::Arc};

/// Each raw node, named for its format, with the folder of its objects.
const NODES: [(&str, Format, &str); 4] = [
    ("lines", Format::JsonLines, "plain"),
    ("gzip", Format::JsonLinesGzip, "gzip"),
    ("zstd", Format::JsonLinesZstd, "zstd"),
    ("columns", Format::Parquet, "columns"),
];
const TABLES: [&str; 2] = ["file://warehouse/trips", "file://warehouse/quarantine/trips"];

fn payloads(first: u64) -> Vec<String> {
    (first..first + 60)
        .map(|n| format!("{{\"n\":{n},\"text\":\"{:x}\"}}", n.wrapping_mul(0x9E37_79B9)))
        .collect()
}

async fn put(data: &Path, format: Format, folder: &str, first: u64) {
    let opened = open_store("file://raw", data).unwrap();
    let payloads = payloads(first);
    let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
    let path = object_path(folder, 0, (first, first + payloads.len() as u64 - 1), None, format);
    let bytes = Bytes::from(encode_payloads(format, &payloads));
    opened.store.put(&format!("{}/{path}", opened.prefix).into(), bytes.into()).await.unwrap();
}

/// Appends rows as the loader does: through the store that writes checksums.
async fn load(data: &Path, address: &str, first: i64) -> DeltaTable {
    let opened = open_store(address, data).unwrap();
    let table = match open_table(opened.clone()).await.unwrap() {
        Some(table) => table,
        None => {
            let below = Arc::new(PrefixStore::new(Arc::clone(&opened.store), opened.prefix));
            DeltaTable::new(default_logstore(below, opened.store, &opened.url, &StorageConfig::default()))
        }
    };
    let seconds = Int64Array::from_iter_values(first..first + 500);
    let origin = StringArray::from_iter_values(seconds.values().iter().map(|n| format!("o{}", n % 7)));
    let columns = [("origin", Arc::new(origin) as _), ("seconds", Arc::new(seconds) as _)];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    table.write([rows]).with_save_mode(SaveMode::Append).await.unwrap()
}

/// A data folder with two objects for each format, and tables with commits before and after a checkpoint.
async fn lake() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let entry = |format: Format, folder: &str| {
        let section = serde_json::json!({ "store": "file://raw", "format": format, "path": folder });
        RawEntry::new(&serde_json::from_value::<RawSection>(section).unwrap(), "trips")
    };
    let raw = NODES.map(|(name, format, folder)| (name.to_owned(), entry(format, folder)));
    let loader = serde_json::json!({ "warehouse": "file://warehouse", "table": "trips" });
    let loader = LoaderEntry::new(&serde_json::from_value::<LoaderSection>(loader).unwrap());
    Catalog::update(data.path(), raw, [("facts".to_owned(), loader)]).unwrap();
    for (_, format, folder) in NODES {
        put(data.path(), format, folder, 0).await;
        put(data.path(), format, folder, 60).await;
    }
    for address in TABLES {
        load(data.path(), address, 0).await;
        let table = load(data.path(), address, 500).await;
        checkpoints::create_checkpoint(&table, None).await.unwrap();
        load(data.path(), address, 1000).await;
    }
    data
}

/// The answer as lines, or what is told instead.
async fn answer(data: &Path, sql: &str) -> Result<String, String> {
    let answer = ask(data, sql).await.map_err(|trouble| trouble.to_string())?;
    Ok(answer.json_lines().unwrap())
}
