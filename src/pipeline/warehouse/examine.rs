//! A table as its log tells it: opened for readers, and held against its files for the doctor.

use crate::pipeline::object_stores::{Damage, OpenedStore};
use deltalake_core::{
    DeltaTable, DeltaTableError,
    logstore::{StorageConfig, default_logstore},
};
use object_store::prefix::PrefixStore;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Opens a table at its newest version; `None` where there is none yet.
///
/// # Errors
/// When its log cannot be read.
pub async fn open_table(opened: OpenedStore) -> Result<Option<DeltaTable>, DeltaTableError> {
    let below = Arc::new(PrefixStore::new(Arc::clone(&opened.store), opened.prefix));
    let log = default_logstore(below, opened.store, &opened.url, &StorageConfig::default());
    let mut table = DeltaTable::new(log);
    if !table.verify_deltatable_existence().await? {
        return Ok(None);
    }
    table.load().await?;
    Ok(Some(table))
}

/// Files that a table's log names and that are not there, or not as long as it says. `folder` is where
/// the table lies on this machine.
///
/// # Errors
/// When the log cannot be read.
pub async fn examine_table(opened: OpenedStore, folder: &Path) -> Result<Vec<Damage>, DeltaTableError> {
    let Some(table) = open_table(opened).await? else { return Ok(Vec::new()) };
    let named = table.snapshot()?.log_data();
    let files = named.iter().map(|file| (folder.join(file.object_store_path().as_ref()), file.size()));
    Ok(files.filter_map(|(path, size)| fault(path, size)).collect())
}

fn fault(path: PathBuf, size: i64) -> Option<Damage> {
    let damage = |path, offset, what| Some(Damage { path, offset, what });
    match fs::metadata(&path) {
        Ok(found) if i64::try_from(found.len()).is_ok_and(|found| found == size) => None,
        Ok(found) => {
            let what = format!("it has {} bytes, the table's log says {size}", found.len());
            damage(path, found.len().min(u64::try_from(size).unwrap_or(0)), what)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            damage(path, 0, "it is missing although the table's log names it".to_owned())
        }
        Err(error) => damage(path, 0, format!("it cannot be read: {error}")),
    }
}
