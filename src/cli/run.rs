//! `caudal run FILE`: from a topology file to a running daemon, and to its orderly end.
//!
//! A stop has four phases: *refuse* (not ready any more, listeners close), *drain* (upstream
//! first), *seal* (the store writes a clean mark), *stop*.

mod announcement;
mod aws;
mod opening;
mod reloading;
mod report;
mod stopping;

use super::RunArguments;
use crate::{
    error::Failure,
    pipeline::{Kind, queue::directory::QueueDirectory, stream::directory::Directory},
    settings::Settings,
    storage::Store,
    supervisor::{Admin, AdminParts, ControlPlane, Ended, Health, Orders, StopRequest, Surroundings, serve},
    telemetry::{Metrics, logs},
    topology::{self, Built, Foundation, Plan, Running},
};
use announcement::{Announcement, RUN_FILE, RunFile};
use opening::{open_directory, open_queues, open_store, wire};
use reloading::{Awaited, Reloader};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::{Mutex, watch},
    time::timeout,
};

/// Longest wait for the store's clean mark; without it the next start reads more of the log.
const SEAL: Duration = Duration::from_secs(10);
const THREADS: &str = "starting threads";
const SIGNALS: &str = "listening for signals";
/// Longest wait for threads that are still busy when all is done.
const LEAVE: Duration = Duration::from_millis(500);

/// Runs the daemon until it is stopped. Blocks; the calling thread becomes the control plane's.
///
/// # Errors
/// See [`Failure`]; nothing runs any more when it returns.
pub(super) fn run(arguments: &RunArguments) -> Result<(), Failure> {
    let settings = arguments.load_settings()?;
    logs::start(settings.log.format, &settings.log.filter)?;
    logs::log_panics();
    let mut plan = super::check::load(&arguments.topology)?;
    if let Some(address) = arguments.ingress {
        plan.listen_at(address);
    }
    let listeners = Listeners { admin: bind_admin(&settings)?, aws: aws::bind(&settings)? };
    let runtime = data_runtime(&settings)?;
    let stopped = open_and_serve(arguments, &settings, plan, listeners, &runtime);
    runtime.shutdown_timeout(LEAVE);
    stopped
}

/// Bound before anything is opened, so that a taken port changes nothing.
struct Listeners {
    admin: TcpListener,
    aws: Option<TcpListener>,
}

fn bind_admin(settings: &Settings) -> Result<TcpListener, Failure> {
    let address = settings.admin.listen;
    settings.permit("admin", address)?;
    TcpListener::bind(address).map_err(|cause| {
        Failure::fault(
            format!("listening on {address} (choose another with --admin; port 0 picks a free one)"),
            cause,
        )
    })
}

fn data_runtime(settings: &Settings) -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if settings.runtime.threads > 0 {
        builder.worker_threads(settings.runtime.threads);
    }
    builder.enable_all().thread_name("data").build().map_err(|cause| Failure::fault(THREADS, cause))
}

fn open_and_serve(
    arguments: &RunArguments,
    settings: &Settings,
    plan: Plan,
    listeners: Listeners,
    runtime: &Runtime,
) -> Result<(), Failure> {
    let _on_runtime = runtime.enter();
    // From now on a hangup asks for a reload, if only once all nodes are up.
    let hangups = signal(SignalKind::hangup()).map_err(|cause| Failure::fault(SIGNALS, cause))?;
    let metrics = Metrics::new();
    let (published, health) = watch::channel(Arc::new(Health::default()));
    let (control, orders) = ControlPlane::pair();
    let reloader = Awaited::default();
    // Before the store: whoever asks during a long recovery is told "alive, not ready".
    let parts = AdminParts {
        health: health.clone(),
        metrics: Arc::clone(&metrics),
        control: control.clone(),
        reload: Some(reloading::handle(&reloader)),
        token: settings.admin.token.clone(),
    };
    let admin = Admin::start(listeners.admin, parts).map_err(|cause| Failure::fault(THREADS, cause))?;
    let store = open_store(settings, &metrics)?;
    let directory = runtime.block_on(open_directory(settings, &store, &metrics))?;
    let queues = runtime.block_on(open_queues(settings, &store))?;
    let (admin, aws, server) = (admin.address(), listeners.aws, admin);
    let daemon =
        Daemon { arguments, settings, runtime, metrics, store, directory, queues, admin, aws, control };
    let stopped = daemon.serve(plan, hangups, &reloader, (published, health), orders);
    let Daemon { store, .. } = daemon;
    let _ = std::fs::remove_file(settings.data.join(RUN_FILE));
    let stopped = stopped.map(|ended| (ended, store.healthy()));
    let sealed = match &stopped {
        Ok((_, false) | (Ended::Aborted(_), _)) => Ok(()),
        _ => seal(&store, runtime),
    };
    runtime.block_on(server.stop());
    let (ended, is_healthy) = stopped?;
    if !is_healthy {
        let what = runtime.block_on(async { timeout(LEAVE, store.failed()).await });
        return Err(Failure::StorageFailed(what.unwrap_or_else(|_| "the log cannot be flushed".to_owned())));
    }
    sealed.and_then(|()| verdict(ended))
}

/// What is open before a topology is wired.
struct Daemon<'a> {
    arguments: &'a RunArguments,
    settings: &'a Settings,
    runtime: &'a Runtime,
    metrics: Arc<Metrics>,
    store: Store,
    directory: Arc<Directory>,
    queues: Arc<QueueDirectory>,
    admin: SocketAddr,
    aws: Option<TcpListener>,
    control: ControlPlane,
}

type Shown = (watch::Sender<Arc<Health>>, watch::Receiver<Arc<Health>>);

impl Daemon<'_> {
    /// Wires the plan and serves it until a stop is asked for and done.
    fn serve(
        &self,
        plan: Plan,
        hangups: Signal,
        awaited: &Awaited,
        (published, health): Shown,
        orders: Orders,
    ) -> Result<Ended, Failure> {
        let foundation = Foundation {
            store: &self.store,
            metrics: &self.metrics,
            settings: self.settings,
            directory: &self.directory,
            queues: &self.queues,
            data: whole_path(&self.settings.data),
            aws: aws::address(self.aws.as_ref()),
        };
        let built = self.runtime.block_on(wire(&plan, foundation, &self.arguments.forget))?;
        self.runtime.spawn(self.announcement(&plan, &built).when_ready(health.clone()));
        let stop = self.listen().map_err(|cause| Failure::fault(SIGNALS, cause))?;
        let (topology, deadline, Built { nodes, handles }) = (plan.name.clone(), plan.drain_deadline, built);
        let reloader = Arc::new(self.reloader(Running::new(plan, handles)));
        self.runtime.spawn(reloading::heed_hangups(hangups, Arc::clone(&reloader), health));
        // It is set here only.
        let _ = awaited.set(reloader);
        let draining = self.draining(stop.clone());
        let endpoint = self.serve_aws(self.services(draining.clone())?, draining)?;
        let surroundings = Surroundings {
            tasks_on: self.runtime.handle().clone(),
            health: published,
            stop,
            orders,
            store: Some(self.store.clone()),
        };
        let ended = serve(&topology, nodes, surroundings, deadline);
        drop(endpoint);
        ended.map_err(|cause| Failure::fault("running the control plane", cause))
    }

    fn listen(&self) -> io::Result<watch::Receiver<StopRequest>> {
        stopping::listen(self.runtime, &self.store, self.arguments.until_input_ends)
    }

    fn reloader(&self, running: Running) -> Reloader {
        Reloader {
            file: self.arguments.topology.clone(),
            ingress: self.arguments.ingress,
            settings: self.settings.clone(),
            data: whole_path(&self.settings.data),
            admin: self.admin,
            aws: aws::address(self.aws.as_ref()),
            store: self.store.clone(),
            directory: Arc::clone(&self.directory),
            queues: Arc::clone(&self.queues),
            metrics: Arc::clone(&self.metrics),
            control: self.control.clone(),
            tasks_on: self.runtime.handle().clone(),
            running: Mutex::new(running),
        }
    }

    fn announcement(&self, plan: &Plan, built: &Built) -> Announcement {
        let listening = built.handles.listening();
        let file = RunFile {
            topology: plan.name.clone(),
            listening: listening.clone(),
            admin: self.admin,
            aws: aws::address(self.aws.as_ref()),
        };
        Announcement { plan: with_addresses(plan, &listening), file, data: self.settings.data.clone() }
    }
}

fn verdict(ended: Ended) -> Result<(), Failure> {
    match ended {
        Ended::Drained => Ok(()),
        Ended::Aborted(stragglers) | Ended::Stragglers(stragglers) => {
            Err(Failure::Forced { stragglers: stragglers.iter().map(ToString::to_string).collect() })
        }
    }
}

fn seal(store: &Store, runtime: &Runtime) -> Result<(), Failure> {
    let store = store.clone();
    let closing = runtime.spawn_blocking(move || store.close());
    match runtime.block_on(async { timeout(SEAL, closing).await }) {
        Ok(Ok(closed)) => Ok(closed?),
        Ok(Err(panicked)) => Err(Failure::fault("closing the store", panicked)),
        Err(_) => {
            tracing::warn!(waited_s = SEAL.as_secs(), "the store was left without a clean mark");
            Ok(())
        }
    }
}

/// The plan as it really listens, to be drawn.
fn with_addresses(plan: &Plan, listening: &[(String, SocketAddr)]) -> Plan {
    let mut plan = plan.clone();
    for node in plan.nodes.iter_mut().filter(|node| node.kind == Kind::Ingress) {
        let bound = listening.iter().find(|(name, _)| *name == node.name);
        if let (topology::Section::Ingress(section), Some((_, address))) = (&mut node.section, bound) {
            section.listen = address.to_string();
        }
    }
    plan
}

fn whole_path(data: &Path) -> PathBuf {
    std::path::absolute(data).unwrap_or_else(|_| data.to_owned())
}
