//! Calls of AWS's JSON protocols, signed.

use super::{Answer, Identity, answer::exchange};
use crate::wire::signing::{Signer, TARGET};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use url::Url;

/// Calls one service.
#[derive(Debug)]
pub(super) struct AwsCaller {
    client: reqwest::Client,
    url: Url,
    /// As it goes into the `Host` header.
    host: String,
    signer: Signer,
    content_type: &'static str,
    /// What stands before the operation in its target header.
    prefix: &'static str,
}

impl AwsCaller {
    pub(super) fn kinesis(client: reqwest::Client, url: &Url, identity: &Identity) -> Self {
        let spoken = ("kinesis", "application/x-amz-json-1.1", "Kinesis_20131202");
        Self::new(client, url, identity, spoken)
    }

    pub(super) fn sqs(client: reqwest::Client, url: &Url, identity: &Identity) -> Self {
        Self::new(client, url, identity, ("sqs", "application/x-amz-json-1.0", "AmazonSQS"))
    }

    fn new(
        client: reqwest::Client,
        url: &Url,
        identity: &Identity,
        (service, content_type, prefix): (&'static str, &'static str, &'static str),
    ) -> Self {
        let host = match (url.host_str().unwrap_or_default(), url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let signer = Signer {
            access_key: identity.access_key.clone(),
            secret: identity.secret.clone(),
            session: identity.session.clone(),
            region: identity.region.clone(),
            service,
        };
        let mut url = url.clone();
        url.set_path("/");
        Self { client, url, host, signer, content_type, prefix }
    }

    /// Calls an operation: status and body, or what it means that none came.
    pub(super) async fn call(&self, operation: &str, body: Vec<u8>) -> Result<(u16, Bytes), Answer> {
        let target = format!("{}.{operation}", self.prefix);
        let plain = [("content-type", self.content_type), ("host", &self.host), (TARGET, &target)];
        let signed = self.signer.sign(&plain, &body, Timestamp::now());
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, self.content_type);
        let request = request.header(TARGET, target);
        let request = signed.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        exchange(request.body(body)).await
    }
}
