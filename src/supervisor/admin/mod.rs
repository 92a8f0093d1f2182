//! The admin server: metrics, health, pools and their verbs, on a thread of its own so that it answers
//! under load.

mod guard;
mod pages;
mod posts;
#[cfg(test)]
mod tests;
mod token;

pub use posts::{NotReloaded, Reload, Reloaded};
pub use token::Token;

use super::{health::Health, orders::ControlPlane};
use crate::telemetry::Metrics;
use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    rt::System,
    web::{self, Data},
};
use guard::Guard;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread,
};
use tokio::sync::watch;

const SHUTDOWN_SECONDS: u64 = 1;
/// Largest body of a verb, in bytes.
const LARGEST_BODY: usize = 64 << 10;

/// The running admin server.
#[derive(Debug)]
pub struct Admin {
    handle: ServerHandle,
    thread: thread::JoinHandle<io::Result<()>>,
    address: SocketAddr,
}

/// What the admin server shows, and whom it hands verbs to.
#[derive(Clone)]
pub struct AdminParts {
    pub health: watch::Receiver<Arc<Health>>,
    pub metrics: Arc<Metrics>,
    pub control: ControlPlane,
    /// What `POST /reload` does; without it the page says that there is no file to load.
    pub reload: Option<Reload>,
    /// Who sends it may use verbs. Without it verbs are for this machine only.
    pub token: Option<Token>,
}

/// What every answer is made from.
struct Shown {
    parts: AdminParts,
    guard: Guard,
}

impl Admin {
    /// Serves on a listener that is already bound.
    ///
    /// # Errors
    /// When the listener or the thread cannot be used.
    pub fn start(listener: TcpListener, parts: AdminParts) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let guard = Guard { token: parts.token.clone(), is_loopback: address.ip().is_loopback() };
        let (sender, started) = mpsc::sync_channel(1);
        let serve = move || {
            System::new().block_on(async move {
                let shown = Data::new(Shown { parts, guard });
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
    service.app_data(web::PayloadConfig::new(LARGEST_BODY));
    pages::routes(service);
    posts::routes(service);
    service.default_service(web::to(pages::unknown));
}
