//! The HTTP server: threads of its own, bound early, serving late.

use super::{
    answer::{Answer, Body},
    body::{BodyError, Room},
    front::Front,
    head::Head,
    streaming,
};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::{StatusCode, Version},
    web,
};
use futures::StreamExt as _;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

/// HTTP workers: they read and write; operations run on the data runtime.
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

/// A server that serves. Dropping it stops it.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    handle: Option<ServerHandle>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Endpoint {
    /// Serves what connects to the listener. Blocks until the server has begun.
    ///
    /// # Errors
    /// When the server or its thread cannot be started.
    pub fn start(listener: TcpListener, front: Front) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (started, has_started) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("aws-endpoint".to_owned())
            .spawn(move || run(listener, front, &started))?;
        let handle = has_started.recv().map_err(io::Error::other)??;
        Ok(Self { address, handle: Some(handle), thread: Some(thread) })
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // The command is sent by the call; the server ends within its own deadline.
            drop(handle.stop(true));
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(address = %self.address, "the AWS endpoint panicked");
        }
    }
}

type Started = mpsc::Sender<io::Result<ServerHandle>>;

fn run(listener: TcpListener, front: Front, started: &Started) {
    let ended = actix_web::rt::System::new().block_on(async {
        let shared = web::Data::new(Shared { front: Arc::new(front), room: Room::new() });
        let app = move || App::new().app_data(shared.clone()).default_service(web::to(serve));
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
            .listen_auto_h2c(listener);
        let server = match server {
            Ok(server) => server.run(),
            Err(error) => {
                let _ = started.send(Err(error));
                return Ok(());
            }
        };
        if started.send(Ok(server.handle())).is_err() {
            return Ok(());
        }
        server.await
    });
    if let Err(error) = ended {
        tracing::error!(%error, "the AWS endpoint ended");
    }
}

/// What the HTTP workers share.
struct Shared {
    front: Arc<Front>,
    room: Room,
}

async fn serve(request: HttpRequest, payload: web::Payload, shared: web::Data<Shared>) -> HttpResponse {
    let head = head(&request);
    let length = head.header("content-length").and_then(|length| length.parse().ok());
    let (answer, is_read) = match shared.room.read(payload, length).await {
        Ok(held) => {
            let now = jiff::Timestamp::now();
            (shared.front.answer(&head, held.bytes.clone(), now).await, true)
        }
        Err(error) => (shared.front.unread(&head, unread(error)), false),
    };
    // What is left of a body is not read: the connection ends with the answer.
    respond(answer, !is_read && request.version() < Version::HTTP_2, &shared.front)
}

fn unread(error: BodyError) -> Answer {
    match error {
        BodyError::TooLarge => Answer::empty(413, "RequestEntityTooLarge"),
        BodyError::Late => Answer::empty(408, "RequestTimeout"),
        BodyError::Broken => Answer::empty(400, "IncompleteBody"),
        BodyError::Busy => Answer::empty(503, "ServiceUnavailable"),
    }
}

fn head(request: &HttpRequest) -> Head {
    let named = request.headers().iter();
    // A header that is not text cannot be one that is asked for.
    let read = named.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut headers: Vec<(String, String)> = read.collect();
    if let Some(authority) = request.uri().authority().filter(|_| request.version() >= Version::HTTP_2) {
        // Clients sign it under its own name, or under the name that it has in HTTP/1.1.
        headers.retain(|(name, _)| name != "host");
        headers.extend([":authority", "host"].map(|name| (name.to_owned(), authority.to_string())));
    }
    Head {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers,
    }
}

fn respond(answer: Answer, close: bool, front: &Front) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in answer.headers {
        response.insert_header(header);
    }
    if close {
        response.force_close();
    }
    match answer.body {
        Body::Whole(bytes) => response.body(bytes),
        Body::Events(protocol, events) => {
            let frames = streaming::frames(protocol, events, front.draining());
            response.streaming(frames.map(Ok::<_, std::convert::Infallible>))
        }
    }
}
