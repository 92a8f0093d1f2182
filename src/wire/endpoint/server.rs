//! The HTTP server: bound early, serving late.

use super::{
    answer::{Answer, Body, REQUEST_ID},
    body::{LARGEST, unread_body, unread_head},
    front::Front,
    head::Head,
    streaming,
};
use crate::{
    pipeline::http_server::{Binding, BodyRoom, Held, HttpListener, Refusals, Underway, Words},
    wire::protocol::PIECE,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{None as NoBody, SizedStream},
    http::{Method, StatusCode, Version},
    web::{self, ServiceConfig},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

/// Largest head: as much as is read over HTTP/1.1.
const LARGEST_HEAD: usize = 128 << 10;

/// A server that serves. Dropping it stops it.
#[derive(Debug)]
pub struct Endpoint(HttpListener);

impl Endpoint {
    /// Serves what connects to the listener. A connection may rest for as long as `idle`.
    ///
    /// # Errors
    /// When the server or its thread cannot be started.
    pub fn start(listener: TcpListener, front: Front, idle: Duration) -> io::Result<Self> {
        let front = Arc::new(front);
        let shared = web::Data::new(Shared { front: Arc::clone(&front), room: BodyRoom::new(LARGEST) });
        let configure = move |app: &mut ServiceConfig| {
            app.app_data(shared.clone()).default_service(web::to(serve));
        };
        let refusals = Refusals { mark: REQUEST_ID, words: Arc::new(move |status| words(&front, status)) };
        let binding = Binding::Bound { listener, idle, refusals };
        let mut server = HttpListener::bind("aws-endpoint".to_owned(), binding, configure)?;
        server.start();
        Ok(Self(server))
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// What is said where the HTTP library refuses by itself.
fn words(front: &Front, status: u16) -> Words {
    let Answer { headers, body, .. } = front.unreadable(&unread_head(status));
    let body = match body {
        Body::Whole(body) => body,
        Body::Nothing | Body::Pieces(_) | Body::Events(..) => Vec::new(),
    };
    Words { headers, body }
}

/// What the HTTP workers share.
struct Shared {
    front: Arc<Front>,
    room: BodyRoom,
}

async fn serve(request: HttpRequest, payload: web::Payload, shared: web::Data<Shared>) -> HttpResponse {
    let underway = request.conn_data::<Held>().map(Held::enter);
    let close = request.version() < Version::HTTP_2;
    if size(&request) > LARGEST_HEAD {
        return respond(shared.front.unreadable(&unread_head(431)), close, &shared.front, underway);
    }
    let head = head(&request);
    let length = head.header("content-length").and_then(|length| length.parse().ok());
    let (answer, is_read) = match shared.room.read(payload, length).await {
        Ok(body) => {
            let now = jiff::Timestamp::now();
            (shared.front.answer(&head, body.bytes.clone(), now).await, true)
        }
        Err(error) => (shared.front.unread(&head, &unread_body(error)), false),
    };
    // What is left of a body is not read: the connection ends with the answer.
    let close = close && !is_read;
    let answer = if request.method() == Method::HEAD { answer.bare() } else { answer };
    respond(answer, close, &shared.front, underway)
}

/// Bytes of a head. Over HTTP/2 they may be many times those that came: a field that was sent once is meant
/// by a single byte thereafter.
fn size(request: &HttpRequest) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    headers.sum::<usize>() + target
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
        left: request.conn_data::<Held>().map(Held::left),
    }
}

/// A body in pieces: the server copies what it sends, a piece at a time, and keeps that room.
fn pieces(body: Bytes) -> impl Iterator<Item = Bytes> {
    (0..body.len()).step_by(PIECE).map(move |from| body.slice(from..body.len().min(from + PIECE)))
}

fn sent(pieces: impl Iterator<Item = Bytes>) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    futures::stream::iter(pieces.map(Ok))
}

/// A request is under way until its answer is there, or its last event. While a long one is sent the connection
/// rests, so that whoever does not read is let go in time.
fn respond(answer: Answer, close: bool, front: &Front, underway: Option<Underway>) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in answer.headers {
        response.insert_header(header);
    }
    if close {
        response.force_close();
    }
    match answer.body {
        Body::Nothing => response.body(NoBody::new()),
        Body::Whole(bytes) if bytes.len() <= PIECE => response.body(bytes),
        Body::Whole(bytes) => response.body(SizedStream::new(bytes.len() as u64, sent(pieces(bytes.into())))),
        Body::Pieces(pieces) => response.body(SizedStream::new(pieces.length(), sent(pieces))),
        Body::Events(protocol, events) => {
            let frames = streaming::frames(protocol, events, front.draining());
            let frames = frames.map(move |frame| {
                let _ = &underway;
                Ok::<_, std::convert::Infallible>(frame)
            });
            response.streaming(frames)
        }
    }
}
