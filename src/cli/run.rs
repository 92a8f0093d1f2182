//! `caudal run FILE`: from a topology file to a running daemon, and to its orderly end.
//!
//! A stop has four phases: *refuse* (not ready any more, listeners close), *drain* (upstream
//! first), *seal* (the store writes a clean mark), *stop*.

mod announcement;
mod stopping;

use super::RunArguments;
use crate::{
    error::Failure,
    pipeline::Kind,
    settings::{Durability, Settings},
    storage::{StorageSettings, Store},
    supervisor::{Admin, AdminParts, ControlPlane, Ended, Health, Surroundings, serve},
    telemetry::{Metrics, logs},
    topology::{self, BuildError, Built, Foundation, LeftReader, Plan, forget, left_readers},
};
use announcement::{Announcement, RUN_FILE};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{runtime::Runtime, sync::watch, time::timeout};

/// Longest wait for the store's clean mark; without it the next start reads more of the log.
const SEAL: Duration = Duration::from_secs(10);
const THREADS: &str = "starting threads";
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
    let plan = super::check::load(&arguments.topology)?;
    let listener = bind_admin(&settings)?;
    let runtime = data_runtime(&settings)?;
    let stopped = open_and_serve(arguments, &settings, &plan, listener, &runtime);
    runtime.shutdown_timeout(LEAVE);
    stopped
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
    plan: &Plan,
    listener: TcpListener,
    runtime: &Runtime,
) -> Result<(), Failure> {
    let _on_runtime = runtime.enter();
    let metrics = Metrics::new();
    let (published, health) = watch::channel(Arc::new(Health::default()));
    let (control, orders) = ControlPlane::pair();
    // Before the store: whoever asks during a long recovery is told "alive, not ready".
    let (metrics_shown, token) = (Arc::clone(&metrics), settings.admin.token.clone());
    let parts = AdminParts { health: health.clone(), metrics: metrics_shown, control, reload: None, token };
    let admin = Admin::start(listener, parts).map_err(|cause| Failure::fault(THREADS, cause))?;
    let store = open_store(settings, &metrics)?;
    let foundation = Foundation {
        store: &store,
        metrics: &metrics,
        settings,
        data: whole_path(&settings.data),
        ingress: arguments.ingress,
    };
    let wired = runtime.block_on(wire(plan, foundation, &arguments.forget));
    let stopped = wired.and_then(|built| {
        let announcement = Announcement {
            plan: with_addresses(plan, &built),
            listening: built.listening,
            admin: admin.address(),
            data: settings.data.clone(),
        };
        runtime.spawn(announcement.when_ready(health));
        let stop = stopping::listen(runtime, &store)
            .map_err(|cause| Failure::fault("listening for signals", cause))?;
        let surroundings = Surroundings {
            tasks_on: runtime.handle().clone(),
            health: published,
            stop,
            orders,
            store: Some(store.clone()),
        };
        let ended = serve(&plan.name, built.nodes, surroundings, plan.drain_deadline);
        ended.map_err(|cause| Failure::fault("running the control plane", cause))
    });
    let _ = std::fs::remove_file(settings.data.join(RUN_FILE));
    let stopped = stopped.map(|ended| (ended, store.healthy()));
    let sealed = match &stopped {
        Ok((_, false) | (Ended::Aborted(_), _)) => Ok(()),
        _ => seal(&store, runtime),
    };
    runtime.block_on(admin.stop());
    let (ended, is_healthy) = stopped?;
    if !is_healthy {
        let what = runtime.block_on(async { timeout(LEAVE, store.failed()).await });
        return Err(Failure::StorageFailed(what.unwrap_or_else(|_| "the log cannot be flushed".to_owned())));
    }
    sealed.and_then(|()| verdict(ended))
}

fn open_store(settings: &Settings, metrics: &Metrics) -> Result<Store, Failure> {
    if settings.storage.durability == Durability::None {
        tracing::warn!("durability is \"none\": a power cut loses acknowledged records");
    }
    let store = Store::open(&settings.data, StorageSettings::from(&settings.storage), metrics.storage())?;
    // A file left by a process that was killed would name ports that nobody listens on.
    let _ = std::fs::remove_file(settings.data.join(RUN_FILE));
    Ok(store)
}

async fn wire(plan: &Plan, foundation: Foundation<'_>, forgotten: &[String]) -> Result<Built, Failure> {
    let store = foundation.store.clone();
    let data = foundation.data.clone();
    let built = topology::build(plan, foundation).await.map_err(unbuilt)?;
    topology::record(plan, &data).map_err(|cause| Failure::fault("writing the catalog", cause))?;
    let mut left = left_readers(plan, &built.streams, &store);
    for name in forgotten {
        let Some(place) = left.iter().position(|reader| reader.reader == *name) else {
            return Err(nothing_to_forget(name, &left));
        };
        let reader = left.swap_remove(place);
        forget(&reader, &store).await.map_err(|cause| Failure::fault("forgetting a reader", cause))?;
        tracing::info!(reader = name, unread = reader.unread, "forgot a reader that left the topology");
    }
    for reader in left {
        tracing::warn!(
            reader = reader.reader,
            unread = reader.unread,
            "a reader has left the topology and keeps its records from being dropped; \
             put its node back, or drop it with --forget NODE"
        );
    }
    Ok(built)
}

fn unbuilt(error: BuildError) -> Failure {
    if error.is_of_the_store() {
        Failure::StorageFailed(error.to_string())
    } else if error.is_of_the_machine() {
        Failure::fault("wiring the topology", error)
    } else {
        Failure::Configuration(error.to_string())
    }
}

fn nothing_to_forget(reader: &str, left: &[LeftReader]) -> Failure {
    let names: Vec<&str> = left.iter().map(|reader| reader.reader.as_str()).collect();
    let those =
        if names.is_empty() { "none has".to_owned() } else { format!("these have: {}", names.join(", ")) };
    Failure::Configuration(format!(
        "--forget {reader}: no reader of this name has left the topology; {those}"
    ))
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
fn with_addresses(plan: &Plan, built: &Built) -> Plan {
    let mut plan = plan.clone();
    for node in plan.nodes.iter_mut().filter(|node| node.kind == Kind::Ingress) {
        let bound = built.listening.iter().find(|(name, _)| *name == node.name);
        if let (topology::Section::Ingress(section), Some((_, address))) = (&mut node.section, bound) {
            section.listen = address.to_string();
        }
    }
    plan
}

fn whole_path(data: &Path) -> PathBuf {
    std::path::absolute(data).unwrap_or_else(|_| data.to_owned())
}
