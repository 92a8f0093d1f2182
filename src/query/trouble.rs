//! Why a query is not answered, said so that the next try succeeds.

use crate::{
    error::Failure,
    pipeline::{catalog::CatalogError, object_stores::StoreError},
};
use datafusion::common::{Column, DataFusionError, SchemaError};
use deltalake_core::DeltaTableError;

/// Most columns named in a message.
const NAMED: usize = 40;

/// Why a query is not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// It cannot be asked so; nothing is wrong with the data.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Unknown(String),
    /// A node or table of which nothing is there yet.
    #[error("{0}")]
    NothingYet(String),
    /// A file went away between listing and reading.
    #[error("{0}; ask again")]
    Vanished(String),
    #[error("{0}")]
    Failed(String),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(text) | Trouble::Unknown(text) => Self::Configuration(text),
            other => Self::fault("answering the query", other),
        }
    }
}

impl From<CatalogError> for Trouble {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Missing { .. } => Self::Refused(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Trouble> for DataFusionError {
    fn from(trouble: Trouble) -> Self {
        Self::External(Box::new(trouble))
    }
}

impl Trouble {
    /// What an engine's error means to whoever asked.
    pub fn of(error: DataFusionError, sql: &str) -> Self {
        match error.find_root() {
            DataFusionError::External(cause) => match cause.downcast_ref::<Self>() {
                Some(trouble) => trouble.clone(),
                None => Self::Failed(cause.to_string()),
            },
            DataFusionError::SchemaError(schema, _) => match &**schema {
                SchemaError::FieldNotFound { field, valid_fields } => {
                    Self::Unknown(unknown_column(field, valid_fields))
                }
                other => Self::Refused(other.to_string()),
            },
            DataFusionError::ObjectStore(cause) => match &**cause {
                object_store::Error::NotFound { .. } => Self::Vanished(cause.to_string()),
                other => Self::Failed(other.to_string()),
            },
            DataFusionError::SQL(cause, _) => Self::Refused(unreadable(&cause.to_string(), sql)),
            DataFusionError::Plan(text) => Self::Refused(text.clone()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Trouble {
    /// Why a table does not open: also which commit its log lacks, which the error itself does not say.
    pub fn of_table(part: &str, name: &str, error: &DeltaTableError, missing: Option<&str>) -> Self {
        let missing = missing.map_or_else(String::new, |commit| {
            format!("; its log lacks {commit}: `caudal doctor` on the data folder tells what is missing")
        });
        Self::Failed(format!("opening {part}.{name}: {error}{missing}"))
    }
}

fn unreadable(cause: &str, sql: &str) -> String {
    let cause = cause.trim_start_matches("ParserError(\"").trim_end_matches("\")");
    let hyphen = sql.split_whitespace().find(|word| {
        let name = word.strip_prefix("raw.").or_else(|| word.strip_prefix("warehouse."));
        name.is_some_and(|name| name.contains('-') && !name.contains('"'))
    });
    let hint = hyphen.map_or_else(String::new, |word| {
        let (schema, name) = word.split_once('.').unwrap_or(("raw", word));
        format!("; names with a hyphen need double quotes: {schema}.\"{name}\"")
    });
    format!("this is no SQL: {cause}{hint}")
}

/// A column as it must be written.
fn written(name: &str) -> String {
    let plain = name
        .chars()
        .enumerate()
        .all(|(place, c)| c == '_' || c.is_ascii_lowercase() || (place > 0 && c.is_ascii_digit()));
    if plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn unknown_column(field: &Column, valid: &[Column]) -> String {
    let wanted = field.name.as_str();
    let mut names: Vec<&str> = valid.iter().map(|column| column.name.as_str()).collect();
    names.dedup();
    let same = names.iter().find(|name| name.eq_ignore_ascii_case(wanted));
    let close = |name: &&&str| strsim::jaro_winkler(&name.to_lowercase(), &wanted.to_lowercase()) > 0.85;
    let meant = match same {
        Some(name) => {
            format!("; write {} (names with capitals need double quotes)", written(name))
        }
        None => names
            .iter()
            .find(close)
            .map_or_else(String::new, |name| format!("; did you mean {}?", written(name))),
    };
    let more = if names.len() > NAMED { ", ..." } else { "" };
    let known: Vec<String> = names.iter().take(NAMED).map(|name| written(name)).collect();
    match known.is_empty() {
        true => format!("no column {wanted:?}{meant}"),
        false => format!("no column {wanted:?}{meant}. Columns: {}{more}", known.join(", ")),
    }
}
