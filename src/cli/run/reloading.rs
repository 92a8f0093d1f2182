//! The topology of a running daemon is read again: checked, built beside, switched.

use super::{announcement::RunFile, opening::warn_of, report::report};
use crate::{
    cli::check,
    error::Failure,
    pipeline::{queue::directory::QueueDirectory, stream::directory::Directory},
    settings::Settings,
    storage::Store,
    supervisor::{ControlPlane, Health, NotApplied, NotReloaded, Reload, Reloaded},
    telemetry::Metrics,
    topology::{self, Foundation, NotPrepared, NotSwitched, Plan, Running, Switched, left_readers, refused},
};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Instant,
};
use tokio::{
    runtime::Handle,
    signal::unix::Signal,
    sync::{Mutex, watch},
    task::spawn_blocking,
};

/// Reads the topology file again and changes to what it says, one reload at a time.
pub(super) struct Reloader {
    /// The topology file, as given at start.
    pub file: PathBuf,
    /// Takes the place of what the first ingress says.
    pub ingress: Option<SocketAddr>,
    pub settings: Settings,
    /// The data folder, as a whole path.
    pub data: PathBuf,
    pub admin: SocketAddr,
    pub aws: Option<SocketAddr>,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub queues: Arc<QueueDirectory>,
    pub metrics: Arc<Metrics>,
    pub control: ControlPlane,
    /// Where reloads run: one goes on when whoever asked for it has gone.
    pub tasks_on: Handle,
    pub running: Mutex<Running>,
}

/// A place for the reloader of a daemon that is still starting.
pub(super) type Awaited = Arc<OnceLock<Arc<Reloader>>>;

/// What the admin server calls.
pub(super) fn handle(awaited: &Awaited) -> Reload {
    let awaited = Arc::clone(awaited);
    Reload::new(move || {
        let reloader = awaited.get().cloned();
        Box::pin(async move {
            match reloader {
                Some(reloader) => reloader.ask().await,
                None => Err(NotReloaded::Failed("the daemon is starting; try again when it runs".to_owned())),
            }
        })
    })
}

/// Reloads at each SIGHUP, once the daemon is up.
pub(super) async fn heed_hangups(
    mut hangups: Signal,
    reloader: Arc<Reloader>,
    mut health: watch::Receiver<Arc<Health>>,
) {
    if health.wait_for(|health| health.ready).await.is_err() {
        return;
    }
    while hangups.recv().await.is_some() {
        tracing::info!(signal = "SIGHUP", file = %reloader.file.display(), "reloading");
        // How it went is logged for every reload, whoever asked.
        let _ = reloader.ask().await;
    }
}

impl Reloader {
    /// Reloads on the data runtime, so that a client that hangs up ends nothing half way.
    async fn ask(self: &Arc<Self>) -> Reloaded {
        let asked = self.tasks_on.spawn(Arc::clone(self).reload());
        let ended = |error: tokio::task::JoinError| NotReloaded::Failed(format!("the reload ended: {error}"));
        asked.await.map_err(ended).flatten()
    }

    async fn reload(self: Arc<Self>) -> Reloaded {
        let file = self.file.display();
        let Ok(mut running) = self.running.try_lock() else {
            tracing::warn!(%file, "a reload is under way already");
            return Err(NotReloaded::Busy);
        };
        let reloaded = self.change(&mut running).await;
        match &reloaded {
            Ok(told) => tracing::info!(%file, "{}", told.trim_end()),
            Err(told) => tracing::error!(%file, "not reloaded: {}", told.to_string().trim_end()),
        }
        reloaded
    }

    async fn change(&self, running: &mut Running) -> Reloaded {
        let begun = Instant::now();
        let wanted = self.load().await?;
        let foundation = Foundation {
            store: &self.store,
            metrics: &self.metrics,
            settings: &self.settings,
            directory: &self.directory,
            queues: &self.queues,
            data: self.data.clone(),
            aws: self.aws,
        };
        let prepared = running.prepare(wanted, foundation).await;
        let prepared = prepared.map_err(|error| self.not_prepared(error))?;
        if prepared.changes.is_empty() {
            return Ok(format!("{}: nothing has changed\n", self.file.display()));
        }
        let switched = prepared.switch(running, &self.control).await.map_err(not_switched)?;
        let Switched { changes, applied, running: now } = switched;
        *running = now;
        self.directory.topology_has(&running.handles().streams);
        self.queues.topology_has(&running.handles().queues);
        self.record(running).await;
        let left = left_readers(running.plan(), &running.handles().streams, &self.store);
        warn_of(&left);
        let told = report(&running.plan().name, &changes, &applied, &left, begun.elapsed());
        if applied.rolled_back.is_empty() { Ok(told) } else { Err(NotReloaded::Failed(told)) }
    }

    async fn load(&self) -> Result<Plan, NotReloaded> {
        let file = self.file.clone();
        let loaded = spawn_blocking(move || check::load(&file)).await;
        let loaded =
            loaded.map_err(|error| NotReloaded::Failed(format!("checking the topology: {error}")))?;
        let mut plan = loaded.map_err(|faults| NotReloaded::Refused(faults.to_string()))?;
        if let Some(address) = self.ingress {
            plan.listen_at(address);
        }
        Ok(plan)
    }

    fn not_prepared(&self, error: NotPrepared) -> NotReloaded {
        match error {
            NotPrepared::Refused(refusals) => {
                let faults = refused(&self.file, &refusals);
                NotReloaded::Refused(Failure::Topology { file: self.file.clone(), faults }.to_string())
            }
            NotPrepared::Build(error) if error.is_of_the_store() || error.is_of_the_machine() => {
                NotReloaded::Failed(error.to_string())
            }
            NotPrepared::Build(error) => NotReloaded::Refused(error.to_string()),
        }
    }

    /// Writes what tools read: the catalog and the run file.
    async fn record(&self, running: &Running) {
        let (plan, data) = (running.plan().clone(), self.settings.data.clone());
        let listening = running.handles().listening();
        let file = RunFile { topology: plan.name.clone(), listening, admin: self.admin, aws: self.aws };
        let written = spawn_blocking(move || {
            if let Err(error) = topology::record(&plan, &data) {
                tracing::error!(%error, "the catalog could not be written; `caudal query` does not know what is new");
            }
            if let Err(error) = file.write(&data) {
                tracing::warn!(%error, "cannot tell tools where the daemon listens");
            }
        });
        // A panic there is logged by the hook.
        let _ = written.await;
    }
}

fn not_switched(error: NotSwitched) -> NotReloaded {
    match error {
        NotSwitched::NotApplied(NotApplied::Busy) => NotReloaded::Busy,
        error => NotReloaded::Failed(error.to_string()),
    }
}
