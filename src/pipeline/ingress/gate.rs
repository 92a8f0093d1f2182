//! The HTTP side of an ingress: what may come in, and how answers go out.

use super::{
    Reply,
    door::Gates,
    encoding::Encoding,
    intake::{Intake, Request},
    key::LONGEST_KEY,
    once::LONGEST_ONCE_KEY,
    pool::{Assigned, Pool},
};
use crate::pipeline::http_server::{BodyError, BodyRoom, Held};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::{Data, Payload},
};
use bytes::Bytes;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Headers that are read and written, by names that need not be looked at again for each request.
const PARTITION_KEY: HeaderName = HeaderName::from_static("x-partition-key");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const FAULTS: HeaderName = HeaderName::from_static("x-caudal-faults");

/// How long a request waits for a collector with room.
const WAIT_FOR_ROOM: Duration = Duration::from_secs(1);
/// How long a request waits for its answer.
const WAIT_FOR_ANSWER: Duration = Duration::from_secs(60);

/// What the HTTP workers share.
#[derive(Debug)]
pub(super) struct Gate {
    pub intake: Arc<Intake>,
    pub pool: Arc<Pool>,
    /// Memory of all bodies that are being read or worked on.
    pub bodies: BodyRoom,
    /// Takes no new request: the ingress stops, or another gate has taken its place.
    pub draining: AtomicBool,
}

/// What the head of a request asks for.
#[derive(Debug)]
struct Asked {
    route: usize,
    key: Option<String>,
    idempotency_key: Option<String>,
    encoding: Encoding,
    length: Option<u64>,
}

/// Answers one request.
pub(super) async fn serve(request: HttpRequest, payload: Payload, gates: Data<Gates>) -> HttpResponse {
    let _underway = request.conn_data::<Held>().map(Held::enter);
    let Some(name) = stream_of(request.path()) else { return elsewhere(&request, &gates.current()) };
    if request.method() != Method::POST {
        let reply = Reply::problem(405, "only POST is taken here", "post records as JSON or NDJSON");
        let mut response = respond(reply, false);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let came = Instant::now();
    let (reply, close) = match take(&request, name, payload, &gates, came).await {
        Ok(reply) => (reply, false),
        // What is left of the body is not read: the connection ends with the answer.
        Err(refusal) => (refusal, true),
    };
    gates.current().intake.metrics.answered(came.elapsed().as_secs_f64());
    respond(reply, close)
}

/// `NAME` of `/streams/NAME/records`.
fn stream_of(path: &str) -> Option<&str> {
    path.strip_prefix("/streams/")?.strip_suffix("/records").filter(|name| !name.contains('/'))
}

/// Everything up to the answer; the error is a refusal before the body was read.
async fn take(
    request: &HttpRequest,
    name: &str,
    payload: Payload,
    gates: &Gates,
    came: Instant,
) -> Result<Reply, Reply> {
    let gate = gates.enter()?;
    let asked = asked(request, name, &gate.intake)?;
    let body = gate.bodies.read(payload, asked.length).await.map_err(|error| not_read(&error))?;
    Ok(hand_over(request, name, asked, body.bytes.clone(), gate, gates, came).await)
}

/// Gives the request to a collector and waits for the answer. When another gate has taken the place
/// of this one before a collector took it, the request goes there.
async fn hand_over(
    request: &HttpRequest,
    name: &str,
    asked: Asked,
    body: Bytes,
    mut gate: Arc<Gate>,
    gates: &Gates,
    came: Instant,
) -> Reply {
    let spread = spread_by(request, asked.key.as_deref());
    let (answer, answered) = oneshot::channel();
    let Asked { route, key, idempotency_key, encoding, .. } = asked;
    let mut waiting = Request { route, key, idempotency_key, encoding, body, came, answer };
    loop {
        waiting = match gate.pool.offer_within(WAIT_FOR_ROOM, spread, waiting).await {
            Ok(assigned) => return wait_for(assigned, answered).await,
            Err(_) if gates.is_current(&gate) => return Reply::busy(),
            Err(refused) => refused,
        };
        let next = gates.enter().and_then(|gate| Ok((route_to(name, &gate.intake)?, gate)));
        (waiting.route, gate) = match next {
            Ok(next) => next,
            Err(refusal) => return refusal,
        };
    }
}

async fn wait_for(assigned: Assigned, answered: oneshot::Receiver<Reply>) -> Reply {
    let reply = match tokio::time::timeout(WAIT_FOR_ANSWER, answered).await {
        Ok(Ok(reply)) => Some(reply),
        Ok(Err(_dropped)) => None,
        Err(_elapsed) => None,
    };
    assigned.ended(reply.is_some());
    reply.unwrap_or_else(Reply::lost)
}

/// A hash of the partition key, or of the client's address.
fn spread_by(request: &HttpRequest, key: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match key {
        Some(key) => key.hash(&mut hasher),
        None => request.peer_addr().map(|address| address.ip()).hash(&mut hasher),
    }
    hasher.finish()
}

fn text<'r>(request: &'r HttpRequest, name: &HeaderName) -> Result<Option<&'r str>, Reply> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    let unreadable = |_| Reply::problem(400, &format!("header {name} is not text"), "send it as plain ASCII");
    value.to_str().map(Some).map_err(unreadable)
}

/// Place of the stream in [`Intake::routes`].
fn route_to(name: &str, intake: &Intake) -> Result<usize, Reply> {
    let route = intake.routes.iter().position(|route| route.name == name);
    route.ok_or_else(|| Reply::unknown_stream(name, &known(intake)))
}

/// Reads the head of a request.
fn asked(request: &HttpRequest, name: &str, intake: &Intake) -> Result<Asked, Reply> {
    let route = route_to(name, intake)?;
    let kind = text(request, &header::CONTENT_TYPE)?.unwrap_or_default();
    if kind.trim_start().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/")) {
        return Err(Reply::problem(
            415,
            &format!("content type {kind} is not taken"),
            "send JSON or NDJSON as the body itself",
        ));
    }
    let coding = text(request, &header::CONTENT_ENCODING)?.unwrap_or_default();
    let encoding = Encoding::read(coding).ok_or_else(|| {
        Reply::problem(
            415,
            &format!("content encoding {coding:?} is not taken"),
            "send it plain, or as one of gzip and zstd",
        )
    })?;
    let key = match query_key(request.query_string()) {
        Some(key) => Some(key),
        None => text(request, &PARTITION_KEY)?.map(ToOwned::to_owned),
    };
    if let Some(length) = key.as_ref().map(String::len).filter(|length| *length > LONGEST_KEY) {
        let error = format!("the partition key has {length} bytes");
        return Err(Reply::problem(400, &error, &format!("choose one of at most {LONGEST_KEY} bytes")));
    }
    let idempotency_key = text(request, &IDEMPOTENCY_KEY)?.map(ToOwned::to_owned);
    if let Some(once) =
        idempotency_key.as_ref().filter(|once| once.is_empty() || once.len() > LONGEST_ONCE_KEY)
    {
        let error = format!("the Idempotency-Key has {} bytes", once.len());
        return Err(Reply::problem(400, &error, &format!("choose one of 1 to {LONGEST_ONCE_KEY} bytes")));
    }
    let length = text(request, &header::CONTENT_LENGTH)?.and_then(|length| length.parse().ok());
    Ok(Asked { route, key, idempotency_key, encoding, length })
}

/// The value of `key=` in a query.
fn query_key(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("key="))?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (rest.next()?, rest.next()?);
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(high)? * 16 + digit(low)?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn known(intake: &Intake) -> Vec<String> {
    intake.routes.iter().map(|route| route.name.clone()).collect()
}

fn not_read(error: &BodyError) -> Reply {
    let text = error.to_string();
    match error {
        BodyError::TooLarge { .. } => {
            Reply::problem(413, &text, "send the records in several requests, or raise max_body")
        }
        BodyError::Late => Reply::problem(408, &text, "send the body faster, or in smaller requests"),
        BodyError::Broken => Reply::problem(400, &text, "send the body whole"),
        BodyError::Busy => Reply::later(503, 1, &text, "nothing was stored; send the request again later"),
    }
}

/// Answers at other paths: what this is, or where to post.
fn elsewhere(request: &HttpRequest, gate: &Gate) -> HttpResponse {
    let known = known(&gate.intake);
    if request.path() != "/" {
        let error = format!("there is nothing at {}", request.path());
        return respond(Reply::problem(404, &error, "post records to /streams/NAME/records"), true);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = respond(
            Reply::problem(405, "only GET is taken here", "post records to /streams/NAME/records"),
            true,
        );
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let body = serde_json::json!({ "caudal": "ingress", "post": "/streams/NAME/records", "streams": known });
    respond(Reply::stored(body.to_string().into_bytes(), 0), false)
}

fn respond(reply: Reply, close: bool) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    if let Some(seconds) = reply.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if reply.faults > 0 {
        response.insert_header((FAULTS, reply.faults));
    }
    if reply.replayed {
        response.insert_header((REPLAYED, "true"));
    }
    if close {
        response.force_close();
    }
    response.body(reply.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_records_of_a_stream_are_posted_to() {
        assert_eq!(stream_of("/streams/trips/records"), Some("trips"));
        for other in ["/streams/trips", "/streams/a/b/records", "/streams//", "/", "/streams/trips/records/"]
        {
            assert_eq!(stream_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_partition_key_is_read_from_the_query() {
        assert_eq!(query_key("a=1&key=caf%C3%A9+90").as_deref(), Some("café 90"));
        assert_eq!(query_key("key=").as_deref(), Some(""));
        for none in ["", "monkey=1", "key=%zz", "key=%f", "key=%ff"] {
            assert_eq!(query_key(none), None, "{none}");
        }
    }
}
