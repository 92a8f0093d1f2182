//! From a whole request to its answer: which service and operation, who asks, what is asked for.
//! The order in which faults are told is AWS's: form, operation, signature, types, constraints.

use super::{
    answer::{Answer, Voice},
    cors,
    head::Head,
    identity,
    section::{Account, AwsSection},
};
use crate::{
    telemetry::EndpointMetrics,
    wire::{
        leave::Leave,
        protocol::{Form, Input, Protocol, Reply, ServiceError, Structure, first_missing},
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
        let (operation, answer) = match self.asked(head, &body, &request_id) {
            Err(answer) => (NO_OPERATION, answer),
            Ok(asked) => {
                let voice = asked.voice(&request_id);
                let answer = match self.carry_out(asked, head, &body, &request_id, now).await {
                    Ok(reply) => Answer::reply(voice, reply),
                    Err(error) => Answer::error(voice, &error),
                };
                (voice.operation, answer)
            }
        };
        self.metrics.answered(operation, answer.code, begun.elapsed().as_secs_f64());
        answer.identified(&request_id, false).with_all(cors::headers(head))
    }

    /// The answer to a request whose body could not be read.
    pub(super) fn unread(&self, head: &Head, error: &ServiceError) -> Answer {
        let answer = match Protocol::of(head.header("content-type").unwrap_or_default()) {
            Some(protocol) if protocol != Protocol::Query => {
                Answer::error(Voice { protocol, query: None, operation: NO_OPERATION, request_id: "" }, error)
            }
            _ => Answer::xml(error),
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
    fn asked(&self, head: &Head, body: &Bytes, request_id: &str) -> Result<Asked, Answer> {
        let content_type = head.header("content-type").unwrap_or_default();
        let is_post = head.method == "POST";
        let declared = Protocol::of(content_type).filter(|_| is_post);
        if let Some(asked) = self.asked_by_query(head, body, declared, request_id) {
            return asked;
        }
        let target = head.header("x-amz-target").unwrap_or_default();
        let (service, named) = self.operation(target);
        let query = service.as_ref().and_then(|service| service.query);
        let Some(protocol) = declared.filter(|protocol| match protocol {
            Protocol::Json | Protocol::Cbor => true,
            Protocol::JsonOne => query.is_some(),
            Protocol::Query => false,
        }) else {
            return Err(unspoken(head, body, is_post, content_type));
        };
        let voice = Voice { protocol, query, operation: NO_OPERATION, request_id };
        let refuse = |error: ServiceError| Answer::error(voice, &error);
        let unknown = || ServiceError::bad_request("UnknownOperationException", "");
        if body.is_empty() && named.is_none() {
            return Err(refuse(unknown()));
        }
        let shape = named.map_or(&NOTHING, |operation| operation.input);
        let input = match query {
            Some(_) => protocol.parse(shape, body).and_then(complete),
            None => protocol.read(shape, body),
        };
        if let Err(error) = &input
            && error.is_of_syntax()
        {
            return Err(refuse(error.clone()));
        }
        let (service, operation) = service.zip(named).ok_or_else(|| refuse(unknown()))?;
        Ok(Asked { protocol, service, operation, input })
    }

    /// A request in Query; `None` for what is none.
    fn asked_by_query(
        &self,
        head: &Head,
        body: &Bytes,
        declared: Option<Protocol>,
        request_id: &str,
    ) -> Option<Result<Asked, Answer>> {
        let is_form = declared == Some(Protocol::Query);
        let service = self.services.iter().find(|service| service.query.is_some())?;
        if !is_form && head.method != "GET" {
            return None;
        }
        // What the body says counts more than what the URL says.
        let pairs = if is_form { body } else { &Bytes::new() };
        let pairs = [head.query.as_bytes(), b"&", pairs].concat();
        let mut form = Form::read(&pairs).ok()?;
        let action = form.value("Action")?.to_owned();
        // The queue's own path stands for its URL.
        if head.path.trim_matches('/').contains('/') {
            form.or_put("QueueUrl", &head.path);
        }
        let operation = service.operation(&action);
        let asked = operation.map(|operation| Asked {
            protocol: Protocol::Query,
            service: Arc::clone(service),
            operation,
            input: Protocol::read_form(operation.input, &form).and_then(complete),
        });
        Some(asked.ok_or_else(|| {
            let (protocol, query) = (Protocol::Query, service.query);
            let voice = Voice { protocol, query, operation: NO_OPERATION, request_id };
            let shown: String = action.chars().take(256).collect();
            let told = format!("The action {shown} is not valid for this endpoint.");
            Answer::error(voice, &ServiceError::bad_request("InvalidAction", told))
        }))
    }

    /// By `SERVICE.OPERATION`.
    fn operation(&self, target: &str) -> (Option<Arc<Service>>, Option<&'static Operation>) {
        let Some((service, operation)) = target.split_once('.') else { return (None, None) };
        let service = self.services.iter().find(|known| known.target == service).cloned();
        let operation = service.as_ref().and_then(|service| service.operation(operation));
        (service, operation)
    }

    async fn carry_out(
        &self,
        asked: Asked,
        head: &Head,
        body: &Bytes,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Reply, ServiceError> {
        let mut caller = self.caller(&asked, head, body, request_id, now)?;
        let input = asked.input?;
        if *self.draining.borrow() {
            return Err(ServiceError::unavailable("the daemon is draining; send the request again later"));
        }
        caller.leave = Leave::new(self.draining.clone(), head.left.clone());
        let name = asked.operation.name;
        let service = asked.service;
        let runtime = if service.brief.contains(&name) { &Handle::current() } else { &self.tasks_on };
        let task = runtime.spawn(async move { (service.answer)(caller, name, input).await });
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
            authority: head.header("host").unwrap_or_default().to_owned(),
            is_secure: head.header("x-forwarded-proto") == Some("https"),
            leave: Leave::default(),
        })
    }
}

impl Asked {
    fn voice<'v>(&self, request_id: &'v str) -> Voice<'v> {
        let (protocol, query) = (self.protocol, self.service.query);
        Voice { protocol, query, operation: self.operation.name, request_id }
    }
}

/// The input, unless a required member is not there.
fn complete(input: Input) -> Result<Input, ServiceError> {
    match first_missing(&input) {
        None => Ok(input),
        Some(name) => Err(ServiceError::bad_request(
            "MissingRequiredParameterException",
            format!("The request must contain the parameter {name}."),
        )),
    }
}

/// The answer to a request in none of our protocols.
fn unspoken(head: &Head, body: &[u8], is_post: bool, content_type: &str) -> Answer {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match (is_post, kind) {
        (true, super::deprecated::CONTENT_TYPE) => Answer::deprecated(body),
        _ if head.is_signed() => Answer::xml(&forbidden(
            "AccessDeniedException",
            "Unable to determine service/operation name to be authorized",
        )),
        _ => Answer::xml(&forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")),
    }
}

fn forbidden(code: &'static str, message: &str) -> ServiceError {
    ServiceError { status: 403, code, message: message.to_owned() }
}
