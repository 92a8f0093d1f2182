//! What `caudal run` is given.

use super::address::{parse_address, parse_listen};
use crate::{
    settings::{Settings, SettingsError},
    telemetry::LogFormat,
    wire::endpoint::Listen,
};
use std::{net::SocketAddr, path::PathBuf};

/// Arguments of `caudal run`.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArguments {
    /// The topology file (.toml, .yaml or .yml)
    #[arg(value_name = "FILE")]
    pub topology: PathBuf,
    /// Folder of all data; made when it is not there [default: data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Listen here instead of where the topology's first ingress says; port 0 picks a free one
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub ingress: Option<SocketAddr>,
    /// Serve metrics and health here [default: 127.0.0.1:9464]; port 0 picks a free one
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub admin: Option<SocketAddr>,
    /// Speak AWS's protocols here [default: 127.0.0.1:4566]; port 0 picks a free one, "off" none
    #[arg(long, value_name = "ADDR", value_parser = parse_listen)]
    pub aws: Option<Listen>,
    /// How log lines look: pretty or json [default: pretty]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Settings of the daemon, above config/default.toml and below CAUDAL__... variables
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Drop the checkpoints of a node that has left the topology, so that what it has not read need
    /// not be kept for it; repeat it for several
    #[arg(long, value_name = "NODE")]
    pub forget: Vec<String>,
    /// Also drain and end when standard input is closed, as it is when whoever holds its other end is killed
    #[arg(long)]
    pub until_input_ends: bool,
}

impl RunArguments {
    /// The settings of all layers, arguments last.
    ///
    /// # Errors
    /// A layer that cannot be read.
    pub fn load_settings(&self) -> Result<Settings, SettingsError> {
        let mut settings = Settings::load(self.settings.as_deref())?;
        if let Some(data) = &self.data {
            settings.data.clone_from(data);
        }
        if let Some(admin) = self.admin {
            settings.admin.listen = admin;
        }
        if let Some(listen) = self.aws {
            settings.aws.listen = listen;
        }
        if let Some(format) = self.log_format {
            settings.log.format = format;
        }
        Ok(settings)
    }
}
