//! What `caudal query` is given.

use crate::settings::{Settings, SettingsError};
use std::path::PathBuf;

/// Arguments of `caudal query`.
#[derive(Debug, Clone, clap::Args)]
pub struct QueryArguments {
    /// A select from warehouse.TABLE, quarantine.TABLE or raw.NODE
    pub sql: String,
    /// Folder of all data, of a running daemon or not [default: data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// How the answer looks
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = QueryFormat::Table)]
    pub format: QueryFormat,
}

/// How the answer to a query looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum QueryFormat {
    /// Drawn for a person
    Table,
    /// A JSON object a line
    Json,
    /// With a line of names
    Csv,
}

impl QueryArguments {
    /// The folder of all data: as given, else as the settings have it.
    ///
    /// # Errors
    /// A layer of the settings that cannot be read.
    pub fn data_folder(&self) -> Result<PathBuf, SettingsError> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => Ok(Settings::load(None)?.data),
        }
    }
}
