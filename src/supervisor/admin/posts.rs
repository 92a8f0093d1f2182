//! Verbs by POST: JSON in and out, for whom the guard lets through.

use super::{
    Shown,
    guard::{Barred, Headers},
};
use crate::{
    pipeline::RefreshSettings,
    supervisor::orders::{PoolVerb, Refused},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Bytes, Data, Path},
};
use futures::future::BoxFuture;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use std::{fmt, sync::Arc};

/// What a reload answers: what was done, or why not all of it was.
pub type Reloaded = Result<String, NotReloaded>;

/// Why a reload did not do what the file says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReloaded {
    #[error("a reload is under way already; try again when it is done")]
    Busy,
    /// The file has faults, or changes what cannot be changed while it runs.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

/// Loads the topology file again and changes to it; cheap to clone.
#[derive(Clone)]
pub struct Reload(Arc<dyn Fn() -> BoxFuture<'static, Reloaded> + Send + Sync>);

impl Reload {
    pub fn new(reload: impl Fn() -> BoxFuture<'static, Reloaded> + Send + Sync + 'static) -> Self {
        Self(Arc::new(reload))
    }

    pub fn run(&self) -> BoxFuture<'static, Reloaded> {
        (self.0)()
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Reload")
    }
}

/// `{"desired": 4}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Desired {
    desired: u32,
}

pub(super) fn routes(service: &mut web::ServiceConfig) {
    service
        .route("/pools/{name}/desired", web::post().to(desired))
        .route("/pools/{name}/suspend", web::post().to(suspend))
        .route("/pools/{name}/resume", web::post().to(resume))
        .route("/pools/{name}/workers/{id}/terminate", web::post().to(terminate))
        .route("/pools/{name}/refresh", web::post().to(refresh))
        .route("/pools/{name}/refresh/cancel", web::post().to(cancel_refresh))
        .route("/pools/{name}/refresh/rollback", web::post().to(roll_back_refresh))
        .route("/reload", web::post().to(reload));
}

fn fault(status: StatusCode, told: impl fmt::Display) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": told.to_string() }))
}

/// Whose request it is, for the log.
fn peer(request: &HttpRequest) -> Option<String> {
    request.peer_addr().map(|peer| peer.to_string())
}

/// What bars the request, as an answer.
fn bar(shown: &Shown, request: &HttpRequest) -> Option<HttpResponse> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let headers = Headers {
        authorization: text("authorization"),
        host: text("host"),
        origin: text("origin"),
        fetched_from: text("sec-fetch-site"),
    };
    let barred = shown.guard.check(&headers).err()?;
    tracing::warn!(path = request.path(), from = peer(request), why = %barred, "a verb was refused");
    let mut answer = match barred {
        Barred::Unauthorized => fault(StatusCode::UNAUTHORIZED, barred),
        Barred::NoToken | Barred::CrossOrigin | Barred::Host => fault(StatusCode::FORBIDDEN, barred),
    };
    if barred == Barred::Unauthorized {
        let scheme = header::HeaderValue::from_static("Bearer");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    Some(answer)
}

async fn carry_out(shown: &Shown, request: &HttpRequest, name: &str, verb: PoolVerb) -> HttpResponse {
    if let Some(barred) = bar(shown, request) {
        return barred;
    }
    tracing::info!(pool = name, %verb, from = peer(request), "a verb was given");
    match shown.parts.control.order(name, verb).await {
        Ok(done) => HttpResponse::Ok().json(done),
        Err(refused) => {
            let status = match &refused {
                Refused::NoPool { .. } | Refused::NoWorker { .. } => StatusCode::NOT_FOUND,
                Refused::Invalid(_) => StatusCode::BAD_REQUEST,
                Refused::Conflict(_) => StatusCode::CONFLICT,
                Refused::NotRunning(_) | Refused::Silent => StatusCode::SERVICE_UNAVAILABLE,
            };
            fault(status, refused)
        }
    }
}

/// Reads a body; what is wrong is told with the field.
fn read<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader);
    read.map_err(|error| match error.path().to_string().as_str() {
        _ if body.trim_ascii().is_empty() => format!("the body is empty; send JSON such as {example}"),
        "." => format!("{}; send JSON such as {example}", error.inner()),
        field => format!("{field}: {}; send JSON such as {example}", error.inner()),
    })
}

async fn desired(shown: Data<Shown>, request: HttpRequest, name: Path<String>, body: Bytes) -> HttpResponse {
    match read(&body, r#"{"desired": 4}"#) {
        Ok(Desired { desired }) => carry_out(&shown, &request, &name, PoolVerb::SetDesired(desired)).await,
        Err(told) => bar(&shown, &request).unwrap_or_else(|| fault(StatusCode::BAD_REQUEST, told)),
    }
}

async fn suspend(shown: Data<Shown>, request: HttpRequest, name: Path<String>) -> HttpResponse {
    carry_out(&shown, &request, &name, PoolVerb::Suspend).await
}

async fn resume(shown: Data<Shown>, request: HttpRequest, name: Path<String>) -> HttpResponse {
    carry_out(&shown, &request, &name, PoolVerb::Resume).await
}

async fn terminate(shown: Data<Shown>, request: HttpRequest, path: Path<(String, String)>) -> HttpResponse {
    let (name, id) = path.into_inner();
    let Ok(id) = id.parse() else {
        let told = format!("{id:?} is no id of a worker; give a number from /pools/{name}/workers");
        return bar(&shown, &request).unwrap_or_else(|| fault(StatusCode::BAD_REQUEST, told));
    };
    carry_out(&shown, &request, &name, PoolVerb::Terminate(id)).await
}

async fn refresh(shown: Data<Shown>, request: HttpRequest, name: Path<String>, body: Bytes) -> HttpResponse {
    let settings = if body.trim_ascii().is_empty() {
        Ok(None)
    } else {
        read::<RefreshSettings>(&body, r#"{"min_healthy_percentage": 90}"#).map(Some)
    };
    match settings {
        Ok(settings) => carry_out(&shown, &request, &name, PoolVerb::StartRefresh(settings)).await,
        Err(told) => bar(&shown, &request).unwrap_or_else(|| fault(StatusCode::BAD_REQUEST, told)),
    }
}

async fn cancel_refresh(shown: Data<Shown>, request: HttpRequest, name: Path<String>) -> HttpResponse {
    carry_out(&shown, &request, &name, PoolVerb::CancelRefresh).await
}

async fn roll_back_refresh(shown: Data<Shown>, request: HttpRequest, name: Path<String>) -> HttpResponse {
    carry_out(&shown, &request, &name, PoolVerb::RollBackRefresh).await
}

async fn reload(shown: Data<Shown>, request: HttpRequest) -> HttpResponse {
    if let Some(barred) = bar(&shown, &request) {
        return barred;
    }
    let Some(reload) = &shown.parts.reload else {
        return fault(
            StatusCode::CONFLICT,
            "the daemon was started without a file that could be loaded again",
        );
    };
    tracing::info!(from = peer(&request), "a reload was asked for");
    match reload.run().await {
        Ok(told) => HttpResponse::Ok().json(json!({ "reloaded": told })),
        Err(told) => {
            let status = match &told {
                NotReloaded::Busy => StatusCode::CONFLICT,
                NotReloaded::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
                NotReloaded::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            fault(status, told)
        }
    }
}
