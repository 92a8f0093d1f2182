//! What a run needs around it: a daemon and a sink of its own, or only an address.

use super::{LoadError, Options};
use crate::load::{
    admin::Admin,
    aws_endpoint::AwsEndpoint,
    daemon::{Daemon, Launch, own_program},
    faults::Scene,
    outcome::Outcome,
    scenario::{Protocol, Scenario},
    sink::{SINK_VARIABLE, Sink},
    watch::Watch,
};
use jiff::Timestamp;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};
use tokio::sync::Mutex;

/// Longest wait until a daemon is ready, and until it has drained.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a run has no premises.
#[derive(Debug, thiserror::Error)]
pub enum PremisesError {
    #[error("the scenario names no url, and no topology to start a daemon with; give either")]
    NoTarget,
    #[error("the daemon that is started with {topology} has no {door} for protocol {protocol}")]
    NoDoor { topology: PathBuf, door: &'static str, protocol: &'static str },
    #[error("the folder {folder} for the daemon's data cannot be made: {cause}")]
    Folder { folder: PathBuf, cause: io::Error },
    #[error("the program that runs here is not known: {0}")]
    Program(io::Error),
    #[error("the sink for workers cannot listen: {0}")]
    Sink(io::Error),
}

/// What a run needs around it. A daemon of its own is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Premises {
    /// Where records are sent.
    pub url: String,
    /// The data folder, where it is known.
    pub data: Option<PathBuf>,
    pub scene: Arc<Scene>,
    nodes_left_out: Vec<String>,
    folder: Option<OwnFolder>,
}

/// A folder that was made for this run alone; it goes with it.
#[derive(Debug)]
struct OwnFolder(PathBuf);

impl Drop for OwnFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the folder of the load test is left; remove it");
        }
    }
}

impl Premises {
    /// Starts a daemon unless the target has a URL.
    pub(super) async fn open(scenario: &Scenario, options: &Options) -> Result<Self, LoadError> {
        let nodes_left_out = scenario.proof.iter().flat_map(|proof| proof.dead_letter.clone()).collect();
        if let Some(url) = &scenario.target.url {
            let aws = match scenario.target.protocol {
                Protocol::Http => None,
                Protocol::Kinesis | Protocol::Sqs => {
                    Some(AwsEndpoint::keyed(url, &|name| std::env::var(name).ok())?)
                }
            };
            let scene = Arc::new(Scene { aws, ..Scene::default() });
            let (url, data) = (url.clone(), options.data.clone());
            return Ok(Self { url, data, scene, nodes_left_out, folder: None });
        }
        let topology = options.topology.as_ref().or(scenario.scenario.topology.as_ref());
        let topology = topology.ok_or(PremisesError::NoTarget)?.clone();
        let (data, folder) = folders(options)?;
        let sink = Arc::new(Sink::start().await.map_err(PremisesError::Sink)?);
        let launch = Launch {
            program: own_program().map_err(PremisesError::Program)?,
            topology: topology.clone(),
            log: data.with_extension("log"),
            data: data.clone(),
            environment: vec![(SINK_VARIABLE.to_owned(), sink.url().to_owned())],
            patience: PATIENCE,
        };
        let daemon = Daemon::start(launch).await?;
        let scene = Scene {
            process: Some(daemon.process_id()),
            admin: Some(Admin::new(&daemon.admin)?),
            sink: Some(sink),
            data: Some(data.clone()),
            aws: daemon.aws.as_deref().map(AwsEndpoint::open).transpose()?,
            daemon: None,
        };
        let url = address(&daemon, scenario.target.protocol, &topology)?;
        let scene = Arc::new(Scene { daemon: Some(Arc::new(Mutex::new(daemon))), ..scene });
        Ok(Self { url, data: Some(data), scene, nodes_left_out, folder })
    }

    /// Watches the daemon, where it is one of its own.
    pub(super) fn watch(&self, began_ms: i64) -> Option<Watch> {
        let (admin, process) = (self.scene.admin.clone()?, self.scene.process.clone()?);
        Some(Watch::new(admin, process, self.nodes_left_out.iter().cloned(), began_ms))
    }

    /// Stops the daemon. A folder of this run alone is removed, unless something in it is to be looked into.
    pub(super) async fn close(self, outcome: &Outcome) -> Result<(), LoadError> {
        let Self { scene, folder, .. } = self;
        let daemon = Arc::try_unwrap(scene).ok().and_then(|scene| scene.daemon);
        if let Some(daemon) = daemon.and_then(|daemon| Arc::try_unwrap(daemon).ok()) {
            daemon.into_inner().stop().await?;
        }
        let is_clean = outcome.proof.as_ref().is_none_or(|proof| {
            proof.losses + proof.duplicates + proof.inversions + proof.refused_stored == 0
        });
        match folder {
            Some(folder) if !is_clean => {
                tracing::warn!(folder = %folder.0.display(), "the daemon's data is kept: what is wrong can be looked into");
                std::mem::forget(folder);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The data folder, and the folder to remove at the end.
fn folders(options: &Options) -> Result<(PathBuf, Option<OwnFolder>), PremisesError> {
    if let Some(data) = &options.data {
        return Ok((data.clone(), None));
    }
    let name = format!("caudal-load-{}-{}", process::id(), Timestamp::now().as_millisecond());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).map_err(|cause| PremisesError::Folder { folder: folder.clone(), cause })?;
    Ok((folder.join("data"), Some(OwnFolder(folder))))
}

/// Where the daemon takes what a protocol sends.
fn address(daemon: &Daemon, protocol: Protocol, topology: &Path) -> Result<String, PremisesError> {
    let (address, door) = match protocol {
        Protocol::Http => (&daemon.ingress, "ingress"),
        Protocol::Kinesis | Protocol::Sqs => (&daemon.aws, "AWS endpoint"),
    };
    let none = || PremisesError::NoDoor { topology: topology.to_owned(), door, protocol: protocol.name() };
    address.clone().ok_or_else(none)
}
