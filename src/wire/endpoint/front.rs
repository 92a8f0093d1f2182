//! From a whole request to its answer: which service and operation, who asks, what is asked for.
//! The order in which faults are told is AWS's: form, operation, signature, types, constraints.

use super::{
    answer::Answer,
    cors,
    head::Head,
    identity,
    section::{Account, AwsSection},
};
use crate::{
    telemetry::EndpointMetrics,
    wire::{
        protocol::{Input, Protocol, Reply, ServiceError, Structure},
        service::{Caller, Operation, Service},
        signing::{Claim, Credentials, verify},
    },
};
use bytes::Bytes;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::watch, time::timeout};

/// Longest time that an operation may take.
const LONGEST: Duration = Duration::from_secs(60);
/// For metrics of requests that name no operation of ours.
const NO_OPERATION: &str = "none";

/// The services of an endpoint and what it knows of its callers.
#[derive(Debug)]
pub struct Front {
    services: Vec<Arc<Service>>,
    account: Account,
    region: String,
    credentials: Credentials,
    /// Where operations run, so that a client that hangs up ends none half way.
    tasks_on: Handle,
    metrics: EndpointMetrics,
    draining: watch::Receiver<bool>,
}

/// What a request asks for, before it is known who asks.
struct Asked {
    protocol: Protocol,
    service: Arc<Service>,
    operation: &'static Operation,
    /// Read already; a value of a wrong type is told only to who may ask.
    input: Result<Input, ServiceError>,
}

/// Of requests whose operation is not known: only their form matters.
static NOTHING: Structure = Structure::new("", &[]);

impl Front {
    /// `draining` turns true when no new request is to be taken.
    pub fn new(
        section: &AwsSection,
        services: Vec<Service>,
        tasks_on: Handle,
        metrics: EndpointMetrics,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self {
            services: services.into_iter().map(Arc::new).collect(),
            account: section.account.clone(),
            region: section.region.clone(),
            credentials: section.credentials.clone(),
            tasks_on,
            metrics,
            draining,
        }
    }

    pub(super) fn draining(&self) -> watch::Receiver<bool> {
        self.draining.clone()
    }

    /// Answers a request. `now` is what its signature is held against.
    pub(super) async fn answer(&self, head: &Head, body: Bytes, now: Timestamp) -> Answer {
        let begun = std::time::Instant::now();
        let request_id = identity::request_id();
        if cors::is_preflight(head) {
            return Answer::preflight(cors::preflight(head)).identified(&request_id, true);
        }
        let (operation, answer) = match self.asked(head, &body) {
            Err(answer) => (NO_OPERATION, answer),
            Ok(asked) => {
                let (protocol, operation) = (asked.protocol, asked.operation.name);
                let answer = match self.carry_out(asked, head, &body, &request_id, now).await {
                    Ok(reply) => Answer::reply(protocol, reply),
                    Err(error) => Answer::error(protocol, &error),
                };
                (operation, answer)
            }
        };
        self.metrics.answered(operation, answer.code, begun.elapsed().as_secs_f64());
        answer.identified(&request_id, false).with_all(cors::headers(head))
    }

    /// The answer to a request whose body could not be read.
    pub(super) fn unread(&self, head: &Head, error: &ServiceError) -> Answer {
        let answer = match Protocol::of(head.header("content-type").unwrap_or_default()) {
            Some(protocol) => Answer::error(protocol, error),
            None => Answer::xml(error),
        };
        self.metrics.answered(NO_OPERATION, answer.code, 0.0);
        answer.identified(&identity::request_id(), false).with_all(cors::headers(head))
    }

    /// The answer to what is no request that could be read, so that nothing is known of its protocol.
    pub(super) fn unreadable(&self, error: &ServiceError) -> Answer {
        let answer = Answer::xml(error);
        self.metrics.answered(NO_OPERATION, answer.code, 0.0);
        answer.identified(&identity::request_id(), false)
    }

    /// Finds the operation and reads its input; the error is the answer to what has none.
    fn asked(&self, head: &Head, body: &Bytes) -> Result<Asked, Answer> {
        let content_type = head.header("content-type").unwrap_or_default();
        let is_post = head.method == "POST";
        let Some(protocol) = Protocol::of(content_type).filter(|_| is_post) else {
            let kind = content_type.split(';').next().unwrap_or_default().trim();
            return Err(match (is_post, kind) {
                (true, super::deprecated::CONTENT_TYPE) => Answer::deprecated(body),
                _ if head.is_signed() => Answer::xml(&forbidden(
                    "AccessDeniedException",
                    "Unable to determine service/operation name to be authorized",
                )),
                _ => Answer::xml(&forbidden(
                    "MissingAuthenticationTokenException",
                    "Missing Authentication Token",
                )),
            });
        };
        let refuse = |error: ServiceError| Answer::error(protocol, &error);
        let named = self.operation(head.header("x-amz-target").unwrap_or_default());
        let unknown = || ServiceError::bad_request("UnknownOperationException", "");
        if body.is_empty() && named.is_none() {
            return Err(refuse(unknown()));
        }
        let input = protocol.read(named.as_ref().map_or(&NOTHING, |(_, operation)| operation.input), body);
        if let Err(error) = &input
            && error.is_of_syntax()
        {
            return Err(refuse(error.clone()));
        }
        let (service, operation) = named.ok_or_else(|| refuse(unknown()))?;
        Ok(Asked { protocol, service, operation, input })
    }

    /// By `SERVICE.OPERATION`.
    fn operation(&self, target: &str) -> Option<(Arc<Service>, &'static Operation)> {
        let (service, operation) = target.split_once('.')?;
        let service = self.services.iter().find(|known| known.target == service)?;
        Some((Arc::clone(service), service.operation(operation)?))
    }

    async fn carry_out(
        &self,
        asked: Asked,
        head: &Head,
        body: &Bytes,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Reply, ServiceError> {
        let caller = self.caller(&asked, head, body, request_id, now)?;
        let input = asked.input?;
        if *self.draining.borrow() {
            return Err(ServiceError::unavailable("the daemon is draining; send the request again later"));
        }
        let name = asked.operation.name;
        let service = asked.service;
        let task = self.tasks_on.spawn(async move { (service.answer)(caller, name, input).await });
        match timeout(LONGEST, task).await {
            Ok(Ok(answered)) => answered,
            // A panic is logged where it happens.
            Ok(Err(_panicked)) => Err(ServiceError::internal()),
            Err(_elapsed) => {
                tracing::error!(operation = name, waited_s = LONGEST.as_secs(), "an operation hangs");
                Err(ServiceError::internal())
            }
        }
    }

    /// Who asks, proved by the signature if keys are configured.
    fn caller(
        &self,
        asked: &Asked,
        head: &Head,
        body: &Bytes,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Caller, ServiceError> {
        let request = head.with_body(body);
        let claim = Claim::of(&request)?;
        if !self.credentials.is_empty() {
            verify(&claim, &request, asked.service.signing_name, &self.credentials, now)?;
        }
        let account = Account::parse(claim.access_key());
        Ok(Caller {
            account: account.as_ref().unwrap_or(&self.account).as_str().to_owned(),
            region: claim.region().unwrap_or(&self.region).to_owned(),
            request_id: request_id.to_owned(),
        })
    }
}

fn forbidden(code: &'static str, message: &str) -> ServiceError {
    ServiceError { status: 403, code, message: message.to_owned() }
}
