//! Why nothing can be proven.

use super::findings::TooFar;
use crate::{
    load::{admin::AdminError, aws_endpoint::AwsError, scenario::ProofSpec},
    pipeline::catalog::Catalog,
    query::Trouble,
};

/// Why nothing can be proven. The run pays: it has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("proof.{field} names {name:?}, which there is not; there are: {known}")]
    Unknown { field: &'static str, name: String, known: String },
    #[error("reading warehouse.{table}: {trouble}; its loader must keep producer and number as columns")]
    Columns { table: String, trouble: Trouble },
    #[error(transparent)]
    Query(#[from] Trouble),
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    TooFar(#[from] TooFar),
}

impl ProofError {
    pub(super) fn unknown<'a>(
        field: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Self::Unknown { field, name: name.to_owned(), known }
    }
}

/// Whether a data folder has all nodes and tables that are named.
pub(super) fn check_names(spec: &ProofSpec, catalog: &Catalog) -> Result<(), ProofError> {
    if let Some(name) = spec.raw.iter().find(|name| !catalog.raw.contains_key(*name)) {
        return Err(ProofError::unknown("raw", name, catalog.raw.keys()));
    }
    if let Some(name) = spec.warehouse.iter().find(|name| catalog.loader_of(name).is_none()) {
        return Err(ProofError::unknown(
            "warehouse",
            name,
            catalog.loaders.values().map(|entry| &entry.table),
        ));
    }
    Ok(())
}
