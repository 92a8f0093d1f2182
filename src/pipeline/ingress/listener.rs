//! The HTTP server of an ingress: threads of its own, bound early, serving late.

use super::{door::Gates, gate::serve};
use actix_web::{App, HttpServer, dev::ServerHandle, web};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// HTTP workers: they move bytes; collectors do the work.
const WORKERS: usize = 2;
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Longest time the head of a request may take to come.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time a client may take to close its end.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);
/// Seconds that open requests have when the server stops.
const STOP_DEADLINE: u64 = 5;
/// Connections that each HTTP worker holds at most.
const CONNECTIONS: usize = 10_000;

/// A bound server. Dropping it stops the server.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    start: Option<oneshot::Sender<()>>,
    control: Arc<Mutex<Control>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// How a running server is stopped, also one that has not quite begun.
#[derive(Default)]
struct Control {
    stopping: bool,
    handle: Option<ServerHandle>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Control").field("stopping", &self.stopping).finish_non_exhaustive()
    }
}

fn locked(control: &Mutex<Control>) -> MutexGuard<'_, Control> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}

type Bound = (mpsc::Sender<io::Result<SocketAddr>>, oneshot::Receiver<()>);

impl Listener {
    /// Binds the address and keeps connections waiting until [`Self::start`].
    ///
    /// # Errors
    /// When the address cannot be bound or the thread cannot be started.
    pub(super) fn bind(node: &str, address: &str, gates: Arc<Gates>) -> io::Result<Self> {
        let (bound, is_bound) = mpsc::channel();
        let (start, started) = oneshot::channel();
        let control = Arc::default();
        let thread = {
            let (address, control) = (address.to_owned(), Arc::clone(&control));
            thread::Builder::new()
                .name(format!("ingress-{node}"))
                .spawn(move || run(&address, gates, (bound, started), &control))?
        };
        let address = is_bound.recv().map_err(io::Error::other)??;
        Ok(Self { address, start: Some(start), control, thread: Some(thread) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to serve. Idempotent.
    pub(super) fn start(&mut self) {
        if let Some(start) = self.start.take() {
            // A server that ended by itself is seen by `is_running`.
            let _ = start.send(());
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Not started: the thread ends when the sender goes.
        drop(self.start.take());
        let handle = {
            let mut control = locked(&self.control);
            control.stopping = true;
            control.handle.take()
        };
        if let Some(handle) = handle {
            // The command is sent by the call; the server ends within its own deadline.
            drop(handle.stop(true));
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(address = %self.address, "the ingress server panicked");
        }
    }
}

fn run(address: &str, gates: Arc<Gates>, bound: Bound, control: &Mutex<Control>) {
    let ended = actix_web::rt::System::new().block_on(serve_until_stopped(address, gates, bound, control));
    if let Err(error) = ended {
        tracing::error!(%address, %error, "the ingress server ended");
    }
}

async fn serve_until_stopped(
    address: &str,
    gates: Arc<Gates>,
    (bound, started): Bound,
    control: &Mutex<Control>,
) -> io::Result<()> {
    let gates = web::Data::from(gates);
    let app = move || App::new().app_data(gates.clone()).default_service(web::to(serve));
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .worker_max_blocking_threads(1)
        .max_connections(CONNECTIONS)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_DEADLINE)
        .client_disconnect_timeout(CLOSE_DEADLINE)
        .tcp_nodelay(true)
        .shutdown_timeout(STOP_DEADLINE)
        .disable_signals()
        .bind(address);
    let server = match server {
        Ok(server) => server,
        Err(error) => {
            let _ = bound.send(Err(error));
            return Ok(());
        }
    };
    let at = server.addrs().first().copied().ok_or_else(|| io::Error::other("no address was bound"));
    if bound.send(at).is_err() || started.await.is_err() {
        return Ok(());
    }
    let server = server.run();
    {
        let mut control = locked(control);
        if control.stopping {
            // The command waits for the server, which then ends with all its threads.
            drop(server.handle().stop(false));
        }
        control.handle = Some(server.handle());
    }
    server.await
}
