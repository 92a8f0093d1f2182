//! What the admin server shows.

use super::Shown;
use crate::{
    pipeline::now_ms,
    supervisor::{
        NodeState,
        health::{Health, Phase, PoolPages},
    },
};
use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header,
    web::{self, Data},
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A control plane that has shown nothing new for this long is not alive.
const SILENT: Duration = Duration::from_secs(10);
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const PATHS: &str = "\
GET  /metrics                               what Prometheus scrapes
GET  /livez                                 200 while the control plane is alive
GET  /readyz                                200 once every node is up, 503 before and while draining
GET  /health                                each node's state, counts and last error, as JSON
GET  /pools                                 each pool's bounds, capacity and learned rates, as JSON
GET  /pools/{name}/activities               the latest decisions of a pool and their reasons, as JSON
GET  /pools/{name}/workers                  its workers and those that ended last, as JSON
GET  /pools/{name}/refreshes                how its workers were replaced, as JSON
POST /pools/{name}/desired                  {\"desired\": 4}: orders a capacity
POST /pools/{name}/suspend                  policies decide nothing until resumed
POST /pools/{name}/resume
POST /pools/{name}/workers/{id}/terminate   lets one worker drain; it is replaced
POST /pools/{name}/refresh                  replaces every worker in steps; settings as in the topology
POST /pools/{name}/refresh/cancel           ends that where it is
POST /pools/{name}/refresh/rollback         goes back to the former workers
POST /reload                                checks the topology file and changes to it
";

pub(super) fn routes(service: &mut web::ServiceConfig) {
    service
        .route("/", web::get().to(index))
        .route("/metrics", web::get().to(metrics))
        .route("/livez", web::get().to(livez))
        .route("/readyz", web::get().to(readyz))
        .route("/health", web::get().to(health))
        .route("/pools", web::get().to(pools))
        .route("/pools/{name}/activities", web::get().to(activities))
        .route("/pools/{name}/workers", web::get().to(workers))
        .route("/pools/{name}/refreshes", web::get().to(refreshes));
}

fn text(mut answer: HttpResponseBuilder, body: impl Into<String>) -> HttpResponse {
    answer.content_type("text/plain; charset=utf-8").body(body.into())
}

fn shown(shown: &Shown) -> Arc<Health> {
    Arc::clone(&shown.parts.health.borrow())
}

async fn index() -> HttpResponse {
    text(HttpResponse::Ok(), PATHS)
}

pub(super) async fn unknown() -> HttpResponse {
    text(HttpResponse::NotFound(), format!("no such page; there are:\n{PATHS}"))
}

async fn metrics(shown: Data<Shown>) -> HttpResponse {
    let text = shown.parts.metrics.render();
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, METRICS_TYPE)).body(text)
}

/// How long the control plane has shown nothing new, if that is too long.
fn silence(health: &Health, now_ms: i64) -> Option<Duration> {
    let age = u64::try_from(now_ms.saturating_sub(health.observed_at_ms)).unwrap_or(0);
    let age = Duration::from_millis(age);
    (health.observed_at_ms != 0 && age > SILENT).then_some(age)
}

async fn livez(data: Data<Shown>) -> HttpResponse {
    match silence(&shown(&data), now_ms()) {
        None => text(HttpResponse::Ok(), "alive\n"),
        Some(age) => {
            let told = format!("the control plane has been silent for {} s\n", age.as_secs());
            text(HttpResponse::ServiceUnavailable(), told)
        }
    }
}

async fn readyz(data: Data<Shown>) -> HttpResponse {
    let health = shown(&data);
    if health.ready {
        return text(HttpResponse::Ok(), "ready\n");
    }
    let waiting = health.nodes.iter().filter(|(_, node)| node.state == NodeState::Starting);
    let waiting: Vec<&str> = waiting.map(|(name, _)| name.as_str()).collect();
    let told = match health.phase {
        Phase::Starting | Phase::Running if waiting.is_empty() => "starting\n".to_owned(),
        Phase::Starting | Phase::Running => format!("starting: {}\n", waiting.join(", ")),
        Phase::Draining | Phase::Drained => "draining\n".to_owned(),
    };
    text(HttpResponse::ServiceUnavailable(), told)
}

async fn health(data: Data<Shown>) -> HttpResponse {
    let health = shown(&data);
    if health.has_failed_node() {
        HttpResponse::ServiceUnavailable().json(health.as_ref())
    } else {
        HttpResponse::Ok().json(health.as_ref())
    }
}

async fn pools(data: Data<Shown>) -> HttpResponse {
    let health = shown(&data);
    let pools: BTreeMap<_, _> =
        health.nodes.iter().filter_map(|(name, node)| Some((name, node.pool.as_ref()?))).collect();
    HttpResponse::Ok().json(pools)
}

/// A page of one pool, or who there is.
fn page<T: Serialize>(data: &Shown, name: &str, of: impl FnOnce(&PoolPages) -> Vec<T>) -> HttpResponse {
    let health = shown(data);
    let Some(pages) = health.pools.get(name) else {
        let pools: Vec<&str> = health.pools.keys().map(String::as_str).collect();
        let told = format!("no pool {name:?}; there are: {}\n", pools.join(", "));
        return text(HttpResponse::NotFound(), told);
    };
    HttpResponse::Ok().json(of(pages))
}

async fn activities(data: Data<Shown>, name: web::Path<String>) -> HttpResponse {
    page(&data, &name, |pages| pages.activities.iter().rev().cloned().collect())
}

async fn workers(data: Data<Shown>, name: web::Path<String>) -> HttpResponse {
    page(&data, &name, |pages| pages.workers.to_vec())
}

async fn refreshes(data: Data<Shown>, name: web::Path<String>) -> HttpResponse {
    page(&data, &name, |pages| pages.refreshes.iter().rev().cloned().collect())
}
