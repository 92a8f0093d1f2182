//! A session over everything below a data folder: tables are opened when a query names them.

use super::{answer::Answer, raw_table, trouble::Trouble};
use crate::pipeline::{
    catalog::Catalog,
    object_stores::{OpenedStore, open_store},
    warehouse::{missing_commit, open_table},
};
use datafusion::{
    catalog::{CatalogProvider, SchemaProvider, TableProvider},
    common::{DataFusionError, TableReference},
    dataframe::DataFrame,
    datasource::TableType,
    execution::{
        SendableRecordBatchStream,
        context::{SQLOptions, SessionConfig, SessionContext},
    },
    sql::parser::Statement,
};
use deltalake_core::DeltaTableError;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

const CATALOG: &str = "caudal";

/// The parts of a data folder that can be queried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Warehouse,
    Quarantine,
    Raw,
}

impl Part {
    const ALL: [Self; 3] = [Self::Warehouse, Self::Quarantine, Self::Raw];

    fn name(self) -> &'static str {
        match self {
            Self::Warehouse => "warehouse",
            Self::Quarantine => "quarantine",
            Self::Raw => "raw",
        }
    }
}

/// What is shared by all tables of a session.
struct Shared {
    catalog: Catalog,
    data: PathBuf,
    session: SessionContext,
}

/// One part as a schema of the session.
struct PartSchema {
    part: Part,
    shared: Arc<Shared>,
}

/// Everything below a data folder.
pub struct Lake {
    shared: Arc<Shared>,
}

struct Parts(Arc<Shared>);

impl fmt::Debug for PartSchema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("PartSchema").field(&self.part).finish()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Parts")
    }
}

impl CatalogProvider for Parts {
    fn schema_names(&self) -> Vec<String> {
        Part::ALL.iter().map(|part| part.name().to_owned()).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let part = Part::ALL.into_iter().find(|part| part.name() == name)?;
        Some(Arc::new(PartSchema { part, shared: Arc::clone(&self.0) }))
    }
}

#[async_trait::async_trait]
impl SchemaProvider for PartSchema {
    fn table_names(&self) -> Vec<String> {
        self.shared.names(self.part)
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok(Some(self.shared.open(self.part, name).await?))
    }

    async fn table_type(&self, _name: &str) -> Result<Option<TableType>, DataFusionError> {
        Ok(Some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.shared.names(self.part).iter().any(|known| known == name)
    }
}

/// Names that a person may mean by the same word: capitals and hyphens need quotes in SQL.
fn alike(known: &str, written: &str) -> bool {
    known.to_lowercase().replace('-', "_") == written.to_lowercase().replace('-', "_")
}

impl Shared {
    fn names(&self, part: Part) -> Vec<String> {
        let mut names: Vec<String> = match part {
            Part::Raw => self.catalog.raw.keys().cloned().collect(),
            _ => self.catalog.loaders.values().map(|entry| entry.table.clone()).collect(),
        };
        names.sort();
        names.dedup();
        names
    }

    /// Everything there is, for messages.
    fn known(&self) -> String {
        let all = Part::ALL
            .iter()
            .flat_map(|part| self.names(*part).into_iter().map(|name| format!("{}.{name}", part.name())));
        let all: Vec<String> = all.collect();
        if all.is_empty() { "there are none yet".to_owned() } else { format!("known are {}", all.join(", ")) }
    }

    fn find(&self, part: Part, written: &str) -> Result<String, Trouble> {
        let names = self.names(part);
        let exact = names.iter().find(|name| *name == written);
        let found = exact.or_else(|| names.iter().find(|name| alike(name, written)));
        let unknown = || Trouble::Unknown(format!("no table {}.{written}; {}", part.name(), self.known()));
        found.cloned().ok_or_else(unknown)
    }

    async fn open(&self, part: Part, written: &str) -> Result<Arc<dyn TableProvider>, Trouble> {
        let name = self.find(part, written)?;
        if part == Part::Raw {
            let Some(entry) = self.catalog.raw.get(&name) else {
                return Err(Trouble::Unknown(format!("no table raw.{name}; {}", self.known())));
            };
            let places = entry.places().map(|place| Ok((place, self.reach(&place.store)?)));
            let places = places.collect::<Result<Vec<_>, Trouble>>()?;
            return raw_table::open(&name, &places, &self.session).await;
        }
        let Some(entry) = self.catalog.loader_of(&name) else {
            return Err(Trouble::Unknown(format!("no table {}.{name}; {}", part.name(), self.known())));
        };
        let address = if part == Part::Warehouse { &entry.warehouse } else { &entry.quarantine };
        self.open_delta(part, &name, self.reach(address)?).await
    }

    /// Opens a store and lets the session read from it.
    fn reach(&self, address: &str) -> Result<OpenedStore, Trouble> {
        let opened = open_store(address, &self.data)?;
        self.session.register_object_store(&opened.url, Arc::clone(&opened.store));
        Ok(opened)
    }

    async fn open_delta(
        &self,
        part: Part,
        name: &str,
        opened: OpenedStore,
    ) -> Result<Arc<dyn TableProvider>, Trouble> {
        let nothing = || {
            let why = if part == Part::Quarantine { "no record was rejected" } else { "no row was loaded" };
            Trouble::NothingYet(format!(
                "nothing has been written to {}.{name} yet: {why} so far",
                part.name()
            ))
        };
        let failed = |error: DeltaTableError, missing: Option<String>| {
            Trouble::of_table(part.name(), name, &error, missing.as_deref())
        };
        let table = match open_table(opened.clone()).await {
            Ok(table) => table.ok_or_else(nothing)?,
            Err(error) => return Err(failed(error, missing_commit(&opened).await)),
        };
        table.update_datafusion_session(&self.session.state()).map_err(|error| failed(error, None))?;
        table.table_provider().await.map_err(|error| Trouble::of(error, ""))
    }

    /// Says of names that belong to no part what was meant.
    fn check(&self, reference: &TableReference) -> Result<(), Trouble> {
        let schema = reference.schema().unwrap_or(Part::Warehouse.name());
        if reference.catalog().is_none_or(|catalog| catalog == CATALOG)
            && Part::ALL.iter().any(|part| part.name() == schema)
        {
            return Ok(());
        }
        Err(Trouble::Unknown(format!("no table {reference}; {}", self.known())))
    }
}

impl Lake {
    pub fn new(catalog: Catalog, data: &Path) -> Self {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, Part::Warehouse.name())
            .with_create_default_catalog_and_schema(false);
        config.options_mut().execution.listing_table_ignore_subdirectory = false;
        let session = SessionContext::new_with_config(config);
        let shared = Arc::new(Shared { catalog, data: data.to_owned(), session: session.clone() });
        session.register_catalog(CATALOG, Arc::new(Parts(Arc::clone(&shared))));
        Self { shared }
    }

    /// Answers a statement that only reads.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn answer(&self, statement: Statement) -> Result<Answer, Trouble> {
        let text = statement.to_string();
        let frame = self.frame(statement).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.map_err(|error| Trouble::of(error, &text))?;
        Ok(Answer { schema, batches })
    }

    /// The same, row by row.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn rows(&self, statement: Statement) -> Result<SendableRecordBatchStream, Trouble> {
        let text = statement.to_string();
        let frame = self.frame(statement).await?;
        frame.execute_stream().await.map_err(|error| Trouble::of(error, &text))
    }

    async fn frame(&self, statement: Statement) -> Result<DataFrame, Trouble> {
        let text = statement.to_string();
        let trouble = |error: DataFusionError| Trouble::of(error, &text);
        let session = &self.shared.session;
        let state = session.state();
        for reference in state.resolve_table_references(&statement).map_err(trouble)? {
            self.shared.check(&reference)?;
        }
        let plan = state.statement_to_plan(statement).await.map_err(trouble)?;
        let reading =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        reading.verify_plan(&plan).map_err(trouble)?;
        session.execute_logical_plan(plan).await.map_err(trouble)
    }
}
