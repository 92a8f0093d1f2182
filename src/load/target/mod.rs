//! Who is sent to, and what an answer says of each record.

mod answer;
mod aws;
mod identity;
mod ingress;
mod kinesis;
mod parcel;
mod sqs;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use aws::AwsCaller;
pub use identity::{Identity, IdentityError};
pub use parcel::{Parcel, Sealed};

use super::aws_endpoint::Service;
use super::scenario::{Protocol, Target};
use ingress::HttpSender;
use kinesis::KinesisSender;
use sqs::SqsSender;
use std::time::Duration;
use url::Url;

/// Most records that a request may carry, by protocol: `max_records` of an ingress unless told otherwise,
/// PutRecords, SendMessageBatch.
pub fn largest_batch(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Http => 50_000,
        Protocol::Kinesis => 500,
        Protocol::Sqs => 10,
    }
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("{url:?} is no address such as \"http://127.0.0.1:8080\": {why}")]
    BadUrl { url: String, why: String },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
    #[error("{url} cannot be reached; start it, or name a topology to start a daemon with")]
    Unreached { url: String },
    #[error("{url} does not tell where the queue {queue:?} is: {why}")]
    NoQueue { url: String, queue: String, why: String },
    #[error("{url} does not take records for the stream {stream:?}: {why}")]
    NoStream { url: String, stream: String, why: String },
}

/// Sends the requests of one producer over a connection of its own.
#[derive(Debug)]
pub enum Sender {
    Http(HttpSender),
    Kinesis(KinesisSender),
    Sqs(SqsSender),
}

impl Sender {
    /// Sends a request, once. Whatever becomes of it is an answer.
    pub async fn send(&self, parcel: &Parcel) -> Answer {
        match self {
            Self::Http(sender) => sender.send(parcel).await,
            Self::Kinesis(sender) => sender.send(parcel).await,
            Self::Sqs(sender) => sender.send(parcel).await,
        }
    }
}

/// Looks whether the target at `url` is there, with its stream or queue, before anything is sent.
///
/// # Errors
/// [`TargetError`]: a URL or credentials that cannot be used, a server, stream or queue that is not there.
pub async fn look(target: &Target, url: &str, environment: Variables<'_>) -> Result<(), TargetError> {
    let base = base(url)?;
    let client = client(&base, target.timeout.0)?;
    let stream = named(target.stream.as_ref());
    let told = match target.protocol {
        Protocol::Http => ingress::look(&client, &ingress::place(&base, stream)?).await,
        Protocol::Kinesis => {
            let identity = Identity::of(&base, environment)?;
            kinesis::look(&AwsCaller::new(client, &base, &identity, Service::Kinesis), stream).await
        }
        Protocol::Sqs => {
            let caller = AwsCaller::new(client, &base, &Identity::of(&base, environment)?, Service::Sqs);
            return sqs::queue_url(&caller, &base, named(target.queue.as_ref())).await.map(drop);
        }
    };
    match told {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(TargetError::NoStream { url: url.to_owned(), stream: stream.to_owned(), why }),
        Err(_) => Err(TargetError::Unreached { url: url.to_owned() }),
    }
}

/// A sender for each connection of the target at `url`. `run` tells runs apart whose messages would else be the
/// same to a FIFO queue; `environment` is where credentials come from.
///
/// # Errors
/// [`TargetError`]: a URL or credentials that cannot be used, a queue that is not there.
pub async fn senders(
    target: &Target,
    url: &str,
    run: &str,
    environment: Variables<'_>,
) -> Result<Vec<Sender>, TargetError> {
    let base = base(url)?;
    let client = || client(&base, target.timeout.0);
    let connections = 0..target.connections;
    match target.protocol {
        Protocol::Http => {
            let at = ingress::place(&base, named(target.stream.as_ref()))?;
            let sender = |_| Ok(Sender::Http(HttpSender::new(client()?, at.clone())));
            connections.map(sender).collect()
        }
        Protocol::Kinesis => {
            let identity = Identity::of(&base, environment)?;
            let sender = |_| {
                let caller = AwsCaller::new(client()?, &base, &identity, Service::Kinesis);
                Ok(Sender::Kinesis(KinesisSender::new(caller, named(target.stream.as_ref()))))
            };
            connections.map(sender).collect()
        }
        Protocol::Sqs => {
            let identity = Identity::of(&base, environment)?;
            let caller = || Ok(AwsCaller::new(client()?, &base, &identity, Service::Sqs));
            let queue = sqs::queue_url(&caller()?, &base, named(target.queue.as_ref())).await?;
            let sender = |caller| Sender::Sqs(SqsSender::new(caller, &queue, run));
            connections.map(|_| caller().map(sender)).collect()
        }
    }
}

/// Looks an environment variable up.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

fn named(name: Option<&String>) -> &str {
    name.map_or("", String::as_str)
}

fn base(url: &str) -> Result<Url, TargetError> {
    let bad = |why: String| TargetError::BadUrl { url: url.to_owned(), why };
    let base = Url::parse(url).map_err(|error| bad(error.to_string()))?;
    if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none_or(str::is_empty) {
        return Err(bad("it must be http:// or https:// with a host".to_owned()));
    }
    Ok(base)
}

/// A client with at most one connection at rest. The certificates of this machine are read for https alone: that
/// takes a while.
fn client(url: &Url, timeout: Duration) -> Result<reqwest::Client, TargetError> {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(1)
        .tls_built_in_root_certs(url.scheme() == "https")
        // What never left is told apart from what was not answered.
        .connect_timeout(timeout / 2)
        .timeout(timeout);
    Ok(builder.build()?)
}
