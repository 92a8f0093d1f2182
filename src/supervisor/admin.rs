//! The admin server: metrics and health, on a thread of its own so that it answers under load.

use super::health::{Health, Phase};
use crate::{pipeline::now_ms, telemetry::Metrics};
use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::header,
    rt::System,
    web::{self, Data},
};
use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::watch;

/// A control plane that has shown nothing new for this long is not alive.
const SILENT: Duration = Duration::from_secs(10);
const SHUTDOWN_SECONDS: u64 = 1;
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const PATHS: &str = "\
/metrics                   what Prometheus scrapes
/livez                     200 while the control plane is alive
/readyz                    200 once every node is up, 503 before and while draining
/health                    each node's state, counts and last error, as JSON
/pools                     each pool's bounds, capacity and learned rates, as JSON
/pools/{name}/activities   the latest scalings of a pool and their reasons, as JSON
";

/// The running admin server.
#[derive(Debug)]
pub struct Admin {
    handle: ServerHandle,
    thread: thread::JoinHandle<io::Result<()>>,
    address: SocketAddr,
}

struct Shown {
    health: watch::Receiver<Arc<Health>>,
    metrics: Arc<Metrics>,
}

impl Admin {
    /// Serves on a listener that is already bound.
    ///
    /// # Errors
    /// When the listener or the thread cannot be used.
    pub fn start(
        listener: TcpListener,
        health: watch::Receiver<Arc<Health>>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, started) = mpsc::sync_channel(1);
        let serve = move || {
            System::new().block_on(async move {
                let shown = Data::new(Shown { health, metrics });
                let server = HttpServer::new(move || App::new().app_data(shown.clone()).configure(routes))
                    .workers(1)
                    .disable_signals()
                    .shutdown_timeout(SHUTDOWN_SECONDS)
                    .listen(listener)?
                    .run();
                let _ = sender.send(server.handle());
                server.await
            })
        };
        let thread = thread::Builder::new().name("admin".to_owned()).spawn(serve)?;
        let handle = started.recv().map_err(|_| io::Error::other("the admin server did not start"))?;
        Ok(Self { handle, thread, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server and waits for its thread.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        if !matches!(joined, Ok(Ok(Ok(())))) {
            tracing::warn!(address = %self.address, "the admin server did not end cleanly");
        }
    }
}

fn routes(service: &mut web::ServiceConfig) {
    service
        .route("/", web::get().to(index))
        .route("/metrics", web::get().to(metrics))
        .route("/livez", web::get().to(livez))
        .route("/readyz", web::get().to(readyz))
        .route("/health", web::get().to(health))
        .route("/pools", web::get().to(pools))
        .route("/pools/{name}/activities", web::get().to(activities))
        .default_service(web::to(unknown));
}

fn text(mut answer: actix_web::HttpResponseBuilder, body: impl Into<String>) -> HttpResponse {
    answer.content_type("text/plain; charset=utf-8").body(body.into())
}

async fn index() -> HttpResponse {
    text(HttpResponse::Ok(), PATHS)
}

async fn unknown() -> HttpResponse {
    text(HttpResponse::NotFound(), format!("no such page; there are:\n{PATHS}"))
}

async fn metrics(shown: Data<Shown>) -> HttpResponse {
    let text = shown.metrics.render();
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, METRICS_TYPE)).body(text)
}

/// How long the control plane has shown nothing new, if that is too long.
fn silence(health: &Health, now_ms: i64) -> Option<Duration> {
    let age = u64::try_from(now_ms.saturating_sub(health.observed_at_ms)).unwrap_or(0);
    let age = Duration::from_millis(age);
    (health.observed_at_ms != 0 && age > SILENT).then_some(age)
}

async fn livez(shown: Data<Shown>) -> HttpResponse {
    match silence(&shown.health.borrow(), now_ms()) {
        None => text(HttpResponse::Ok(), "alive\n"),
        Some(age) => {
            let told = format!("the control plane has been silent for {} s\n", age.as_secs());
            text(HttpResponse::ServiceUnavailable(), told)
        }
    }
}

async fn readyz(shown: Data<Shown>) -> HttpResponse {
    let health = shown.health.borrow();
    if health.ready {
        return text(HttpResponse::Ok(), "ready\n");
    }
    let waiting = health.nodes.iter().filter(|(_, node)| node.state == super::NodeState::Starting);
    let waiting: Vec<&str> = waiting.map(|(name, _)| name.as_str()).collect();
    let told = match health.phase {
        Phase::Starting | Phase::Running if waiting.is_empty() => "starting\n".to_owned(),
        Phase::Starting | Phase::Running => format!("starting: {}\n", waiting.join(", ")),
        Phase::Draining | Phase::Drained => "draining\n".to_owned(),
    };
    text(HttpResponse::ServiceUnavailable(), told)
}

async fn health(shown: Data<Shown>) -> HttpResponse {
    let health = Arc::clone(&shown.health.borrow());
    if health.has_failed_node() {
        HttpResponse::ServiceUnavailable().json(health.as_ref())
    } else {
        HttpResponse::Ok().json(health.as_ref())
    }
}

async fn pools(shown: Data<Shown>) -> HttpResponse {
    let health = Arc::clone(&shown.health.borrow());
    let pools: BTreeMap<_, _> =
        health.nodes.iter().filter_map(|(name, node)| Some((name, node.pool.as_ref()?))).collect();
    HttpResponse::Ok().json(pools)
}

async fn activities(shown: Data<Shown>, name: web::Path<String>) -> HttpResponse {
    let health = Arc::clone(&shown.health.borrow());
    let Some(latest_last) = health.activities.get(name.as_str()) else {
        let pools: Vec<&str> = health.activities.keys().map(String::as_str).collect();
        let told = format!("no pool {:?}; there are: {}\n", name.as_str(), pools.join(", "));
        return text(HttpResponse::NotFound(), told);
    };
    let latest_first: Vec<_> = latest_last.iter().rev().collect();
    HttpResponse::Ok().json(latest_first)
}
