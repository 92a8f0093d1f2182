//! Settings of the daemon (what a topology does not say), in layers: built-in defaults, then
//! `config/default.toml`, then a chosen file, then `CAUDAL__SECTION__FIELD` in the environment.
//! `RUST_LOG` stands above the files for the log filter.

use crate::{
    storage::StorageSettings, supervisor::Token, telemetry::LogFormat, units::ByteSize,
    wire::endpoint::AwsSection,
};
use config::{Config, ConfigError, Environment, File, FileFormat, Map};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The file that is read when it lies below the working directory.
const DEFAULT_FILE: &str = "config/default.toml";

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Folder of all data.
    pub data: PathBuf,
    /// Allows listeners beyond this machine. Only verbs of the admin server ask who somebody is.
    pub allow_remote: bool,
    pub admin: AdminSettings,
    pub aws: AwsSection,
    pub log: LogSettings,
    pub runtime: RuntimeSettings,
    pub storage: StorageSection,
}

/// The admin server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSettings {
    /// Address of metrics, health and verbs; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Whoever sends it as `Authorization: Bearer TOKEN` may use verbs. Never shown.
    #[serde(deserialize_with = "token")]
    pub token: Option<Token>,
}

/// An empty text is no token.
fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Token>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    Token::new(&text).map(Some).map_err(D::Error::custom)
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    pub format: LogFormat,
    /// What is logged, written as for `RUST_LOG`.
    pub filter: String,
}

/// Threads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeSettings {
    /// Threads that records are worked on; 0 is one for each core.
    pub threads: usize,
}

/// When an append is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Once it is on disk.
    #[default]
    Sync,
    /// Without waiting for the disk: a power cut loses acknowledged records. For tests and benches.
    None,
}

/// The store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageSection {
    pub durability: Durability,
    /// Size of one log file.
    pub log_file: ByteSize,
    /// Most bytes gathered into one flush.
    pub commit: ByteSize,
    /// Most batches waiting for the committer.
    pub commit_queue: usize,
    /// Memory for the tail of the log, so that readers near the end need no disk.
    pub tail: ByteSize,
    /// Writes are refused while the file system has less than this free.
    pub free_space_floor: ByteSize,
    /// Log bytes between two snapshots of the state.
    pub snapshot: ByteSize,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("settings: {0}")]
    Read(#[from] ConfigError),
    #[error("settings file {0} does not exist")]
    Missing(PathBuf),
    #[error(
        "{what} {address} can be reached from other machines, and reading and sending need no authentication; \
         listen on 127.0.0.1, or set `allow_remote = true` (CAUDAL__ALLOW_REMOTE=true) to accept that"
    )]
    Remote { what: String, address: SocketAddr },
    #[error(
        "the AWS endpoint {address} can be reached from other machines, and without keys anybody may call; \
         listen on 127.0.0.1 (--aws), or set `aws.credentials` (CAUDAL__AWS__CREDENTIALS=ID:SECRET)"
    )]
    Open { address: SocketAddr },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            allow_remote: false,
            admin: AdminSettings::default(),
            aws: AwsSection::default(),
            log: LogSettings::default(),
            runtime: RuntimeSettings::default(),
            storage: StorageSection::default(),
        }
    }
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9464)), token: None }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".to_owned() }
    }
}

impl Default for StorageSection {
    fn default() -> Self {
        let store = StorageSettings::default();
        Self {
            durability: if store.flush { Durability::Sync } else { Durability::None },
            log_file: ByteSize(store.log_file_bytes),
            commit: ByteSize(store.commit_bytes as u64),
            commit_queue: store.commit_queue,
            tail: ByteSize(store.tail_bytes as u64),
            free_space_floor: ByteSize(store.free_space_floor),
            snapshot: ByteSize(store.snapshot_bytes),
        }
    }
}

impl From<&StorageSection> for StorageSettings {
    fn from(section: &StorageSection) -> Self {
        let memory = |size: ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
        Self {
            log_file_bytes: section.log_file.0,
            commit_bytes: memory(section.commit),
            commit_queue: section.commit_queue,
            tail_bytes: memory(section.tail),
            free_space_floor: section.free_space_floor.0,
            snapshot_bytes: section.snapshot.0,
            flush: section.durability == Durability::Sync,
        }
    }
}

impl Settings {
    /// Reads all layers; `chosen` is a file that must exist.
    ///
    /// # Errors
    /// A file or variable that cannot be read, with the path of the field.
    pub fn load(chosen: Option<&Path>) -> Result<Self, SettingsError> {
        let default = Path::new(DEFAULT_FILE);
        Self::layered(default.exists().then_some(default), chosen, std::env::vars().collect())
    }

    fn layered(
        default: Option<&Path>,
        chosen: Option<&Path>,
        environment: Map<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut layers = Config::builder().add_source(Config::try_from(&Self::default())?);
        for file in [default, chosen].into_iter().flatten() {
            if !file.is_file() {
                return Err(SettingsError::Missing(file.to_owned()));
            }
            layers = layers.add_source(File::from(file).format(FileFormat::Toml));
        }
        if let Some(filter) = environment.get("RUST_LOG").filter(|filter| !filter.is_empty()) {
            let above_files = Config::builder().set_override("log.filter", filter.as_str())?.build()?;
            layers = layers.add_source(above_files);
        }
        let environment = Environment::with_prefix("CAUDAL").separator("__").source(Some(environment));
        Ok(layers.add_source(environment).build()?.try_deserialize()?)
    }

    /// Refuses an address that other machines can reach, unless that was allowed.
    ///
    /// # Errors
    /// [`SettingsError::Remote`], naming `what` listens.
    pub fn permit(&self, what: &str, address: SocketAddr) -> Result<(), SettingsError> {
        if self.allow_remote || address.ip().is_loopback() {
            return Ok(());
        }
        Err(SettingsError::Remote { what: what.to_owned(), address })
    }

    /// Refuses to open the AWS endpoint to other machines without keys, whatever else is allowed.
    ///
    /// # Errors
    /// [`SettingsError::Open`].
    pub fn permit_aws(&self, address: SocketAddr) -> Result<(), SettingsError> {
        match address.ip().is_loopback() || !self.aws.is_open() {
            true => Ok(()),
            false => Err(SettingsError::Open { address }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Map<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn later_layers_win_field_by_field() {
        let default = file("data = \"one\"\n[log]\nfilter = \"warn\"\n[storage]\ntail = \"8MiB\"");
        let chosen = file("data = \"two\"\n[admin]\nlisten = \"127.0.0.1:1\"");
        let environment = environment(&[
            ("CAUDAL__DATA", "three"),
            ("CAUDAL__STORAGE__DURABILITY", "none"),
            ("CAUDAL__STORAGE__COMMIT_QUEUE", "7"),
            ("CAUDAL__ALLOW_REMOTE", "true"),
            ("CAUDAL_UNRELATED", "x"),
            ("RUST_LOG", "debug"),
        ]);
        let settings = Settings::layered(Some(default.path()), Some(chosen.path()), environment).unwrap();
        assert_eq!(settings.data, PathBuf::from("three"));
        assert_eq!(settings.log.filter, "debug");
        assert_eq!(settings.admin.listen.port(), 1);
        assert_eq!(settings.storage.tail, ByteSize(8 << 20));
        assert_eq!((settings.storage.commit_queue, settings.allow_remote), (7, true));
        let store = StorageSettings::from(&settings.storage);
        assert!(!store.flush && store.tail_bytes == 8 << 20);
    }

    #[test]
    fn the_documented_defaults_are_the_built_in_ones() {
        let documented = Path::new(env!("CARGO_MANIFEST_DIR")).join(DEFAULT_FILE);
        let text = std::fs::read_to_string(&documented).unwrap();
        let read: Settings = toml::from_str(&text).unwrap();
        assert_eq!(read, Settings::default());
        assert_eq!(Settings::layered(Some(&documented), None, Map::new()).unwrap(), Settings::default());
        let all: toml::Table = toml::from_str(&text).unwrap();
        let mut known = 0;
        for (section, value) in serde_json::to_value(Settings::default()).unwrap().as_object().unwrap() {
            for field in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
                assert!(all[section].get(field).is_some(), "{section}.{field} is not documented");
                known += 1;
            }
            assert!(all.contains_key(section), "{section} is not documented");
        }
        assert!(known > 5);
    }

    #[test]
    fn unknown_fields_and_wrong_units_are_refused_by_name() {
        let typo = file("[storage]\ntale = \"8MiB\"");
        let fault = Settings::layered(None, Some(typo.path()), Map::new()).unwrap_err().to_string();
        assert!(fault.contains("tale"), "{fault}");
        let unit = file("[storage]\ntail = \"8\"");
        let fault = Settings::layered(None, Some(unit.path()), Map::new()).unwrap_err().to_string();
        assert!(fault.contains("storage.tail") && fault.contains("64MiB"), "{fault}");
        let wrong = environment(&[("CAUDAL__ADMIN__LISTEN", "nowhere")]);
        let fault = Settings::layered(None, None, wrong).unwrap_err().to_string();
        assert!(fault.contains("admin.listen"), "{fault}");
        let missing = Settings::layered(None, Some(Path::new("no-such.toml")), Map::new()).unwrap_err();
        assert!(missing.to_string().contains("no-such.toml"));
    }

    #[test]
    fn a_token_is_read_from_a_file_or_the_environment_and_never_shown() {
        let secret = "0123456789abcdef";
        let by_name = environment(&[("CAUDAL__ADMIN__TOKEN", secret)]);
        let written = file(&format!("[admin]\ntoken = \"{secret}\""));
        for settings in [
            Settings::layered(None, None, by_name).unwrap(),
            Settings::layered(None, Some(written.path()), Map::new()).unwrap(),
        ] {
            assert!(settings.admin.token.as_ref().is_some_and(|token| token.is(secret)));
            let shown = format!("{settings:?} {}", serde_json::to_string(&settings).unwrap());
            assert!(!shown.contains(secret), "{shown}");
        }
        let short = environment(&[("CAUDAL__ADMIN__TOKEN", "hunter2")]);
        let fault = Settings::layered(None, None, short).unwrap_err().to_string();
        assert!(fault.contains("admin.token") && fault.contains("16"), "{fault}");
        assert!(!fault.contains("hunter2"), "{fault}");
    }

    #[test]
    fn the_aws_endpoint_is_open_to_other_machines_only_with_keys_which_are_never_shown() {
        let address: SocketAddr = "0.0.0.0:4566".parse().unwrap();
        let open = Settings { allow_remote: true, ..Settings::default() };
        let fault = open.permit_aws(address).unwrap_err().to_string();
        assert!(fault.contains("0.0.0.0:4566") && fault.contains("aws.credentials"), "{fault}");
        assert!(open.permit_aws("127.0.0.1:0".parse().unwrap()).is_ok());
        let keys = environment(&[
            ("CAUDAL__AWS__CREDENTIALS", "AKIDEXAMPLE:wJalrXUtnFEMI"),
            ("CAUDAL__AWS__LISTEN", "off"),
        ]);
        let keyed = Settings::layered(None, None, keys).unwrap();
        assert!(keyed.permit_aws(address).is_ok() && keyed.aws.listen.0.is_none());
        let shown = format!("{keyed:?} {}", serde_json::to_string(&keyed).unwrap());
        assert!(!shown.contains("wJalrXUtnFEMI"), "{shown}");
        let wrong = environment(&[("CAUDAL__AWS__CREDENTIALS", "hunter2")]);
        let fault = Settings::layered(None, None, wrong).unwrap_err().to_string();
        assert!(fault.contains("aws.credentials") && !fault.contains("hunter2"), "{fault}");
    }

    #[test]
    fn listening_beyond_this_machine_must_be_allowed_first() {
        let address: SocketAddr = "0.0.0.0:8080".parse().unwrap();
        let fault = Settings::default().permit("ingress collector", address).unwrap_err().to_string();
        assert!(
            fault.contains("ingress collector 0.0.0.0:8080") && fault.contains("allow_remote"),
            "{fault}"
        );
        let open = Settings { allow_remote: true, ..Settings::default() };
        assert!(open.permit("admin", address).is_ok());
        assert!(Settings::default().permit("admin", "[::1]:0".parse().unwrap()).is_ok());
    }
}
