//! What lies where below a data folder, kept in `catalog.json` so that `caudal query` finds tables
//! and objects with or without a running daemon.

use super::{
    object_stores::{Damage, read_file, replace_file, set_aside},
    raw::{Format, RawSection},
    warehouse::LoaderSection,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

const FILE: &str = "catalog.json";
const VERSION: u32 = 1;

/// Raw stores and tables, by the name of the node that writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    version: u32,
    pub raw: BTreeMap<String, RawEntry>,
    pub loaders: BTreeMap<String, LoaderEntry>,
}

/// The objects of a raw node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawEntry {
    #[serde(flatten)]
    pub place: RawPlace,
    /// Where the node wrote before its section was changed, the latest last; those objects are still there.
    #[serde(default)]
    pub earlier: Vec<RawPlace>,
    /// False once the node is no longer in the topology; what it wrote is still there.
    pub current: bool,
}

/// Where and how a raw node writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawPlace {
    /// Address of the store; relative to the data folder as in the topology.
    pub store: String,
    pub format: Format,
    /// Template of the objects' folders.
    pub path: String,
    /// The stream whose records they hold.
    pub stream: String,
}

/// The tables of a loader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoaderEntry {
    pub table: String,
    /// Address of the table.
    pub warehouse: String,
    /// Address of the table of its rejects.
    pub quarantine: String,
    /// False once the node is no longer in the topology; what it wrote is still there.
    pub current: bool,
}

/// Why the catalog cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error(
        "{path} does not exist: nothing has run with this data folder yet; start `caudal run` or choose another folder with --data"
    )]
    Missing { path: PathBuf },
    #[error("reading {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("writing {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} is damaged: {cause}; start `caudal run`, which sets it aside and writes it anew")]
    Damaged {
        path: PathBuf,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{path} has version {found}; this build reads {VERSION}")]
    Version { path: PathBuf, found: u32 },
}

impl Default for Catalog {
    fn default() -> Self {
        Self { version: VERSION, raw: BTreeMap::new(), loaders: BTreeMap::new() }
    }
}

impl RawEntry {
    /// The objects that a node writes which reads this stream.
    pub fn new(section: &RawSection, stream: &str) -> Self {
        let place = RawPlace {
            store: section.store.clone(),
            format: section.format,
            path: section.path.clone(),
            stream: stream.to_owned(),
        };
        Self { place, earlier: Vec::new(), current: true }
    }

    /// This entry, remembering where the node wrote before.
    fn after(mut self, before: Self) -> Self {
        self.earlier = before.earlier;
        self.earlier.push(before.place);
        self.earlier.retain(|place| *place != self.place);
        self
    }

    /// Every place that may hold objects of the node.
    pub fn places(&self) -> impl Iterator<Item = &RawPlace> {
        self.earlier.iter().chain(std::iter::once(&self.place))
    }
}

impl LoaderEntry {
    /// The tables that a node writes.
    pub fn new(section: &LoaderSection) -> Self {
        let (warehouse, table) = (section.warehouse.trim_end_matches('/'), &section.table);
        Self {
            table: table.clone(),
            warehouse: format!("{warehouse}/{table}"),
            quarantine: format!("{warehouse}/quarantine/{table}"),
            current: true,
        }
    }
}

impl Catalog {
    /// Reads the catalog of a data folder.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub fn load(data: &Path) -> Result<Self, CatalogError> {
        let path = data.join(FILE);
        let text = match read_file(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CatalogError::Missing { path });
            }
            Err(error) if Damage::within(&error).is_some() => {
                return Err(CatalogError::Damaged { path, cause: error.into() });
            }
            Err(source) => return Err(CatalogError::Read { path, source }),
        };
        let catalog: Self = match serde_json::from_slice(&text) {
            Ok(catalog) => catalog,
            Err(error) => return Err(CatalogError::Damaged { path, cause: error.into() }),
        };
        match catalog.version {
            VERSION => Ok(catalog),
            found => Err(CatalogError::Version { path, found }),
        }
    }

    /// Writes the nodes of the topology that starts; those of earlier ones stay. Blocking.
    ///
    /// # Errors
    /// See [`CatalogError`]; a damaged catalog is set aside and begun anew, as it only repeats what
    /// topologies say. Of what earlier topologies wrote only the one set aside knows the places.
    pub fn update(
        data: &Path,
        raw: impl IntoIterator<Item = (String, RawEntry)>,
        loaders: impl IntoIterator<Item = (String, LoaderEntry)>,
    ) -> Result<Self, CatalogError> {
        let mut catalog = match Self::load(data) {
            Ok(catalog) => catalog,
            Err(CatalogError::Missing { .. }) => Self::default(),
            Err(error @ CatalogError::Damaged { .. }) => {
                let kept = set_aside(&data.join(FILE));
                let kept = kept.map_err(|source| CatalogError::Write { path: data.join(FILE), source })?;
                tracing::warn!(
                    %error,
                    kept = %kept.display(),
                    "the catalog is begun anew; queries do not find what only earlier topologies wrote"
                );
                Self::default()
            }
            Err(error) => return Err(error),
        };
        catalog.raw.values_mut().for_each(|entry| entry.current = false);
        catalog.loaders.values_mut().for_each(|entry| entry.current = false);
        for (name, entry) in raw {
            let entry = match catalog.raw.remove(&name) {
                Some(before) => entry.after(before),
                None => entry,
            };
            catalog.raw.insert(name, entry);
        }
        catalog.loaders.extend(loaders);
        let path = data.join(FILE);
        let text = serde_json::to_vec_pretty(&catalog);
        let written = text.map_err(io::Error::from).and_then(|text| replace_file(&path, &text));
        match written {
            Ok(()) => Ok(catalog),
            Err(source) => Err(CatalogError::Write { path, source }),
        }
    }

    /// The loader that writes a table: one of the topology before one of earlier topologies.
    pub fn loader_of(&self, table: &str) -> Option<&LoaderEntry> {
        let writes = |entry: &&LoaderEntry| entry.table == table;
        let mut entries = self.loaders.values().filter(writes);
        entries.clone().find(|entry| entry.current).or_else(|| entries.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> RawEntry {
        let section: RawSection =
            serde_json::from_value(serde_json::json!({ "store": "file://raw" })).unwrap();
        RawEntry::new(&RawSection { path: path.to_owned(), ..section }, "trips")
    }

    #[test]
    fn nodes_of_earlier_topologies_stay() {
        let data = tempfile::tempdir().unwrap();
        assert!(matches!(Catalog::load(data.path()), Err(CatalogError::Missing { .. })));
        let loader: LoaderSection =
            serde_json::from_value(serde_json::json!({ "warehouse": "file://warehouse", "table": "trips" }))
                .unwrap();
        let old = LoaderEntry::new(&loader);
        assert_eq!(old.warehouse, "file://warehouse/trips");
        Catalog::update(data.path(), [("a".to_owned(), entry("a"))], [("facts".to_owned(), old)]).unwrap();
        Catalog::update(data.path(), [("b".to_owned(), entry("b"))], []).unwrap();
        let catalog = Catalog::load(data.path()).unwrap();
        assert!(!catalog.raw["a"].current && catalog.raw["b"].current);
        assert!(catalog.loader_of("trips").is_some_and(|entry| !entry.current));
        assert!(catalog.loader_of("none").is_none());
    }

    #[test]
    fn where_a_node_wrote_before_is_remembered_once() {
        let data = tempfile::tempdir().unwrap();
        for path in ["a", "b", "b", "a", "c"] {
            Catalog::update(data.path(), [("bronze".to_owned(), entry(path))], []).unwrap();
        }
        let catalog = Catalog::load(data.path()).unwrap();
        let paths: Vec<&str> = catalog.raw["bronze"].places().map(|place| place.path.as_str()).collect();
        assert_eq!(paths, ["b", "a", "c"]);
    }

    #[test]
    fn a_damaged_catalog_is_named_and_set_aside_at_the_next_start() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join(FILE), b"{").unwrap();
        assert!(Catalog::load(data.path()).unwrap_err().to_string().contains("catalog.json is damaged"));
        Catalog::update(data.path(), [("b".to_owned(), entry("b"))], []).unwrap();
        assert_eq!(Catalog::load(data.path()).unwrap().raw.len(), 1);
        assert_eq!(std::fs::read(data.path().join("catalog.json.damaged")).unwrap(), b"{");
        let path = data.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"b\"", "\"c\"")).unwrap();
        let told = Catalog::load(data.path()).unwrap_err().to_string();
        assert!(told.contains("catalog.json is damaged at byte 0"), "{told}");
    }
}
