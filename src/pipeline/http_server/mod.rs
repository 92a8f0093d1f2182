//! An HTTP server as every listener of the data plane has it: threads of its own, bound early, serving
//! late, with deadlines for whatever a client may leave undone. What it answers is configured by its owner.

mod bodies;
mod farewell;
mod incoming;
mod reaching;
mod refusals;
mod rest;

pub use bodies::{Body, BodyError, BodyRoom};
pub use reaching::reachable;
pub use refusals::{Refusals, Words};
pub use rest::{Held, Underway};

use incoming::{Incoming, Speaks};

use actix_http::HttpService;
use actix_service::map_config;
use actix_web::{
    App,
    dev::{AppConfig, Server, ServerHandle},
    web::ServiceConfig,
};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// HTTP workers: they move bytes; the work is done elsewhere.
const WORKERS: usize = 2;
/// Longest time a connection may rest between two requests.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Longest time the head of a request may take to come, the first one's from the connection on.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// No connection may rest for less, whatever is asked for: the library tells time by half seconds.
const SHORTEST_IDLE: Duration = Duration::from_secs(1);
/// Longest time a client may take to close its end.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);
/// Seconds that open requests have when the server stops.
const STOP_DEADLINE: u64 = 5;
/// What is left of an answer's piece when the next is written behind it, in bytes: less than this. The library keeps
/// room for 128 KiB, so that pieces may be nearly as large.
const LEFT: usize = 4 << 10;
/// Connections that each HTTP worker holds at most.
const CONNECTIONS: usize = 10_000;

/// How long a connection may do nothing.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Until the head of its first request has come.
    silent: Duration,
    /// Without a request under way.
    idle: Duration,
}

/// What a server listens on.
#[derive(Debug)]
pub enum Binding {
    /// HTTP/1.1 at an address.
    Address(String),
    /// HTTP/1.1, and HTTP/2 by prior knowledge, where somebody has listened already. Connections may
    /// rest for as long as `idle`; what cannot be read as HTTP/1.1 is answered by `refusals`.
    Bound { listener: TcpListener, idle: Duration, refusals: Refusals },
}

impl Binding {
    fn listener(self) -> io::Result<(TcpListener, Speaks, Duration)> {
        match self {
            Self::Address(address) => Ok((TcpListener::bind(address)?, Speaks::Http1, KEEP_ALIVE)),
            Self::Bound { listener, idle, refusals } => {
                Ok((listener, Speaks::Both(refusals), SHORTEST_IDLE.max(idle)))
            }
        }
    }
}

/// A bound server. Dropping it stops the server.
#[derive(Debug)]
pub struct HttpListener {
    /// The name of its thread, for log events too.
    name: String,
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

impl HttpListener {
    /// Binds and keeps connections waiting until [`Self::start`]. `configure` says what is answered, once
    /// for each worker.
    ///
    /// # Errors
    /// When the address cannot be bound or the thread cannot be started.
    pub fn bind(
        name: String,
        binding: Binding,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (bound, is_bound) = mpsc::channel();
        let (start, started) = oneshot::channel();
        let control = Arc::default();
        let thread = {
            let (label, control) = (name.clone(), Arc::clone(&control));
            let serve = move || run(&label, binding, configure, (bound, started), &control);
            thread::Builder::new().name(name.clone()).spawn(serve)?
        };
        let address = is_bound.recv().map_err(io::Error::other)??;
        Ok(Self { name, address, start: Some(start), control, thread: Some(thread) })
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to serve. Idempotent.
    pub fn start(&mut self) {
        if let Some(start) = self.start.take() {
            // A server that ended by itself is seen by `is_running`.
            let _ = start.send(());
        }
    }

    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for HttpListener {
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
            tracing::error!(server = self.name, address = %self.address, "an HTTP server panicked");
        }
    }
}

fn run(
    name: &str,
    binding: Binding,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    bound: Bound,
    control: &Mutex<Control>,
) {
    let serving = serve_until_stopped(binding, configure, bound, control);
    if let Err(error) = actix_web::rt::System::new().block_on(serving) {
        tracing::error!(server = name, %error, "an HTTP server ended");
    }
}

/// A server that is bound, and where.
type Serving = (Server, SocketAddr);

/// A server that is bound; its connections are looked at before the library sees them.
fn server(
    binding: Binding,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Serving> {
    let (listener, speaks, idle) = binding.listener()?;
    let patience = Patience { silent: HEAD_DEADLINE.min(idle), idle };
    let at = listener.local_addr()?;
    let server = Server::build()
        .workers(WORKERS)
        .worker_max_blocking_threads(1)
        .max_concurrent_connections(CONNECTIONS)
        .shutdown_timeout(STOP_DEADLINE)
        .disable_signals();
    let stopping = server.graceful_shutdown_signal();
    let server = server.listen("http", listener, move || {
        let stopping = stopping.clone();
        let app = App::new().configure(configure.clone());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(patience.idle)
            .client_request_timeout(patience.silent)
            .client_disconnect_timeout(CLOSE_DEADLINE)
            .h1_write_buffer_size(LEFT)
            .local_addr(at)
            .on_connect_ext(move |io: &Incoming, data| drop(data.insert(io.held())))
            .finish(map_config(app, |()| AppConfig::default()));
        incoming::accepted(http, speaks.clone(), patience)
    })?;
    Ok((server.run(), at))
}

async fn serve_until_stopped(
    binding: Binding,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    (bound, started): Bound,
    control: &Mutex<Control>,
) -> io::Result<()> {
    // It does not begin before it is awaited.
    let (server, at) = match server(binding, configure) {
        Ok(serving) => serving,
        Err(error) => {
            let _ = bound.send(Err(error));
            return Ok(());
        }
    };
    if bound.send(Ok(at)).is_err() || started.await.is_err() {
        return Ok(());
    }
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
