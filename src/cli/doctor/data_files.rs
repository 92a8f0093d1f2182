//! Raw objects, tables and the catalog of a data folder: each file against its checksums, each table
//! against its log.

use crate::{
    error::Failure,
    pipeline::{
        catalog::{Catalog, CatalogError},
        object_stores::{Damage, Survey, Surveyed, local_folder, open_store, seal, survey},
        raw::check_compressed,
        warehouse::examine_table,
    },
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const CATALOG: &str = "catalog.json";
/// Folders of the log, which has checksums of its own.
const OF_THE_LOG: [&str; 2] = ["log", "state"];
const LOG_OF_TABLE: &str = "_delta_log";
/// Digits of a commit's number in its name.
const COMMIT_DIGITS: usize = 20;

/// What was seen of files that are not the log's.
#[derive(Debug, Default)]
pub(in crate::cli) struct DataFiles {
    pub survey: Survey,
    /// Files without checksums beside them whose content has some.
    pub self_checked: usize,
    /// Files whose checksums another program left behind when it removed them.
    pub left_behind: usize,
    /// Stores on other machines, whose files are not looked at.
    pub elsewhere: Vec<String>,
    /// Files without checksums that belong to this folder's nodes.
    sealable: Vec<PathBuf>,
}

/// A table's folder and its address.
struct TablePlace {
    folder: PathBuf,
    address: String,
}

/// Where files lie that the log knows nothing of.
#[derive(Default)]
struct Places {
    stores: Vec<PathBuf>,
    tables: Vec<TablePlace>,
    elsewhere: Vec<String>,
}

/// Reads every file. Blocking; takes as long as reading takes.
pub(in crate::cli) fn examine(
    data: &Path,
    progress: impl FnMut(&Surveyed<'_>),
) -> Result<DataFiles, Failure> {
    let failed = |error: io::Error| Failure::fault("reading the data files", error);
    let data = &std::path::absolute(data).map_err(failed)?;
    let (places, mut damaged) = match Catalog::load(data) {
        Ok(catalog) => (places(&catalog, data), Vec::new()),
        Err(CatalogError::Missing { .. }) => (Places::default(), Vec::new()),
        Err(error) => (Places::default(), vec![damage_of(&error, data.join(CATALOG))]),
    };
    let mut folders = places.stores.clone();
    folders.push(data.join(CATALOG));
    folders.push(data.join(format!(".{CATALOG}.crc")));
    folders.extend(folders_below(data).map_err(failed)?);
    let mut seen = survey(&folders, progress).map_err(failed)?;
    let mut self_checked = 0;
    for path in &seen.unverified {
        match check_compressed(path) {
            Ok(summed) => self_checked += usize::from(summed),
            Err(error) => {
                damaged.push(Damage {
                    path: path.clone(),
                    offset: 0,
                    what: format!("it cannot be expanded: {error}"),
                });
            }
        }
    }
    damaged.extend(tables(&places.tables, data, &seen.damaged)?);
    let (lost, left_behind): (Vec<PathBuf>, _) = seen.missing.drain(..).partition(|path| is_lost(path));
    let missing =
        |path: PathBuf| Damage { path, offset: 0, what: "it is missing, its checksums are there".to_owned() };
    damaged.extend(lost.into_iter().map(missing));
    for damage in damaged {
        if !seen.damaged.iter().any(|known| known.path == damage.path) {
            seen.damaged.push(damage);
        }
    }
    let sealable = |path: &&PathBuf| {
        let own = places.stores.iter().any(|store| path.starts_with(store)) || path.ends_with(CATALOG);
        own && !seen.damaged.iter().any(|damage| damage.path == **path)
    };
    let sealable = seen.unverified.iter().filter(sealable).cloned().collect();
    let (left_behind, elsewhere) = (left_behind.len(), places.elsewhere);
    Ok(DataFiles { survey: seen, self_checked, left_behind, elsewhere, sealable })
}

impl DataFiles {
    pub fn is_whole(&self) -> bool {
        self.survey.damaged.is_empty()
    }

    /// Writes checksums for the files that have none, as they are now. Returns how many.
    pub fn seal(&self) -> Result<usize, Failure> {
        for path in &self.sealable {
            seal(path).map_err(|error| Failure::fault(format!("sealing {}", path.display()), error))?;
        }
        Ok(self.sealable.len())
    }
}

fn damage_of(error: &CatalogError, path: PathBuf) -> Damage {
    match Damage::within(error) {
        Some(damage) => damage.clone(),
        None => Damage { path, offset: 0, what: format!("it cannot be read: {error}") },
    }
}

fn places(catalog: &Catalog, data: &Path) -> Places {
    let mut places = Places::default();
    let raw = catalog.raw.values().flat_map(|entry| entry.places()).map(|place| (&place.store, false));
    let tables =
        catalog.loaders.values().flat_map(|entry| [(&entry.warehouse, true), (&entry.quarantine, true)]);
    for (address, is_table) in raw.chain(tables) {
        let folder = local_folder(address, data).and_then(|folder| std::path::absolute(folder).ok());
        match folder {
            Some(folder) => {
                places.stores.push(folder.clone());
                if is_table && folder.join(LOG_OF_TABLE).is_dir() {
                    places.tables.push(TablePlace { folder, address: address.clone() });
                }
            }
            None => places.elsewhere.push(address.clone()),
        }
    }
    places.elsewhere.sort();
    places.elsewhere.dedup();
    places
}

/// Folders of a data folder that are not the log's: stores of nodes that are in no catalog, too.
fn folders_below(data: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.path().is_dir() && !OF_THE_LOG.iter().any(|own| entry.file_name() == *own) {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// Holds tables against their logs.
fn tables(places: &[TablePlace], data: &Path, known: &[Damage]) -> Result<Vec<Damage>, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::fault("starting to read tables", error))?;
    let mut damaged = Vec::new();
    for TablePlace { folder, address } in places {
        let opened = open_store(address, data).map_err(|error| Failure::fault("opening a table", error))?;
        match runtime.block_on(examine_table(opened, folder)) {
            Ok(found) => damaged.extend(found),
            Err(error) => {
                let log = folder.join(LOG_OF_TABLE);
                if !known.iter().any(|damage| damage.path.starts_with(&log)) {
                    let what = format!("the table's log cannot be read: {error}");
                    damaged.push(Damage { path: log, offset: 0, what });
                }
            }
        }
    }
    Ok(damaged)
}

/// Whether a file whose checksums are there should be there too. Other programs that remove a table's
/// files leave checksums behind: those that the table still needs are found by its log. Its oldest commits
/// go first, so one with an older one beside it is lost.
fn is_lost(path: &Path) -> bool {
    let Some(folder) = path.parent() else { return true };
    if !folder.ends_with(LOG_OF_TABLE) {
        return !folder.ancestors().any(|above| above.join(LOG_OF_TABLE).is_dir());
    }
    let Some(own) = version(path) else { return false };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| version(&entry.path())).any(|version| version < own)
}

/// The version of a commit or checkpoint, from its name.
fn version(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let (digits, rest) = name.split_at_checked(COMMIT_DIGITS)?;
    rest.starts_with('.').then(|| digits.parse().ok())?
}
