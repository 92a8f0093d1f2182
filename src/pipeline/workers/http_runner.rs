//! Posting received messages to a server.

use super::{
    HttpRun, WorkersError,
    exchange::{Answer, Meaning, is_json, meaning, request},
    resolver::{Forbidden, GuardedResolver, is_forbidden},
    runner::Fate,
};
use crate::{pipeline::now_ms, storage::LeasedMessage};
use reqwest::{
    Client, Response, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect,
};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// Largest answer read, in bytes.
const LARGEST_ANSWER: usize = 16 << 20;
const LONGEST_CONNECT: Duration = Duration::from_secs(5);

/// A server that messages are posted to.
#[derive(Debug)]
pub(super) struct HttpRunner {
    client: Client,
    url: Url,
    timeout: Duration,
    queue: String,
}

impl HttpRunner {
    pub fn new(node: &str, queue: &str, run: &HttpRun) -> Result<Self, WorkersError> {
        let url = checked_url(&run.url).map_err(|fault| WorkersError::Url {
            node: node.to_owned(),
            url: run.url.clone(),
            fault,
        })?;
        let client = Client::builder()
            .user_agent(concat!("caudal/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(LONGEST_CONNECT)
            .timeout(run.timeout.0)
            .dns_resolver(Arc::new(GuardedResolver))
            .build()
            .map_err(|cause| WorkersError::Client { node: node.to_owned(), cause })?;
        Ok(Self { client, url, timeout: run.timeout.0, queue: queue.to_owned() })
    }

    /// Posts all that is JSON as one batch. When the server refuses the batch, each message is posted
    /// alone, so that only the guilty ones are given up.
    pub async fn run(&self, messages: &[LeasedMessage]) -> Vec<Fate> {
        let not_json = Fate::Hopeless { reason: "the payload is not JSON".to_owned() };
        let mut fates = vec![not_json; messages.len()];
        let postable: Vec<(usize, &LeasedMessage)> =
            messages.iter().enumerate().filter(|(_, message)| is_json(&message.record.payload)).collect();
        let batch: Vec<&LeasedMessage> = postable.iter().map(|(_, message)| *message).collect();
        let judged = match batch.is_empty() {
            true => Vec::new(),
            false => self.post_or_split(&batch).await,
        };
        for ((index, _), fate) in postable.iter().zip(judged) {
            if let Some(place) = fates.get_mut(*index) {
                *place = fate;
            }
        }
        fates
    }

    async fn post_or_split(&self, batch: &[&LeasedMessage]) -> Vec<Fate> {
        match self.post(batch).await {
            Meaning::Judged(fates) => fates,
            Meaning::Again { reason, after } => vec![Fate::Failed { reason, after }; batch.len()],
            Meaning::Refused { reason } if batch.len() == 1 => vec![Fate::Hopeless { reason }],
            Meaning::Refused { .. } => {
                let mut fates = Vec::with_capacity(batch.len());
                for message in batch {
                    fates.push(self.post_alone(message).await);
                }
                fates
            }
        }
    }

    async fn post_alone(&self, message: &LeasedMessage) -> Fate {
        let timeout_ms = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        if now_ms().saturating_add(timeout_ms) >= message.visible_again_at_ms {
            let reason = "its batch was refused, and the visibility timeout left no time to post it alone";
            return Fate::Failed { reason: reason.to_owned(), after: None };
        }
        match self.post(&[message]).await {
            Meaning::Judged(fates) => fates.into_iter().next().unwrap_or(Fate::Done(Vec::new())),
            Meaning::Again { reason, after } => Fate::Failed { reason, after },
            Meaning::Refused { reason } => Fate::Hopeless { reason },
        }
    }

    async fn post(&self, batch: &[&LeasedMessage]) -> Meaning {
        let ids: Vec<String> =
            batch.iter().map(|message| format!("{}/{}", self.queue, message.receipt.sequence)).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let messages: Vec<(&str, &LeasedMessage)> = ids.iter().copied().zip(batch.iter().copied()).collect();
        let body = match request(&messages) {
            Ok(body) => body,
            Err(error) => return Meaning::Refused { reason: format!("writing the request: {error}") },
        };
        let post = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        match post.send().await {
            Ok(response) => read(response, &ids).await,
            Err(error) => Meaning::Again { reason: explained(error), after: None },
        }
    }
}

/// Reads the answer, up to the largest.
async fn read(mut response: Response, ids: &[&str]) -> Meaning {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Meaning::Again { reason: explained(error), after: None },
        }
        if body.len() > LARGEST_ANSWER {
            let reason = format!("the server's answer is over the limit of {LARGEST_ANSWER} bytes");
            return Meaning::Again { reason, after: None };
        }
    }
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let answer = Answer {
        status: response.status().as_u16(),
        retry_after: header(RETRY_AFTER),
        content_type: header(CONTENT_TYPE),
        body: &body,
    };
    meaning(&answer, ids, now_ms())
}

/// A URL that workers may call, or what is wrong with it.
fn checked_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if literal.is_ok_and(is_forbidden) {
        return Err(format!("cannot be called: {}", Forbidden { host: host.to_owned() }));
    }
    Ok(url)
}

/// An error with its causes and without the URL, which may hold a secret.
fn explained(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_must_be_one_that_workers_may_call() {
        assert!(checked_url("http://127.0.0.1:9000/review").is_ok());
        for url in
            ["review", "ftp://host/", "http://169.254.169.254/latest", "http://[fe80::1]/", "file:///etc"]
        {
            assert!(checked_url(url).is_err(), "{url}");
        }
    }
}
