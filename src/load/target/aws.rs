//! Calls of AWS's JSON protocols, signed.

use super::{Answer, Identity, answer::exchange};
use crate::{
    load::aws_endpoint::Service,
    wire::signing::{Signer, TARGET},
};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use url::Url;

/// Calls one service.
#[derive(Debug)]
pub struct AwsCaller {
    client: reqwest::Client,
    url: Url,
    /// As it goes into the `Host` header.
    host: String,
    signer: Signer,
    service: Service,
}

impl AwsCaller {
    pub fn new(client: reqwest::Client, url: &Url, identity: &Identity, service: Service) -> Self {
        let host = match (url.host_str().unwrap_or_default(), url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let signer = Signer {
            access_key: identity.access_key.clone(),
            secret: identity.secret.clone(),
            session: identity.session.clone(),
            region: identity.region.clone(),
            service: service.name(),
        };
        let mut url = url.clone();
        url.set_path("/");
        Self { client, url, host, signer, service }
    }

    /// Calls an operation: status and body, or what it means that none came.
    pub(super) async fn call(&self, operation: &str, body: Vec<u8>) -> Result<(u16, Bytes), Answer> {
        exchange(self.request(operation, body)).await
    }

    /// A call of an operation, signed now.
    pub fn request(&self, operation: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        let (kind, target) = (self.service.content_type(), self.service.target(operation));
        let plain = [("content-type", kind), ("host", &self.host), (TARGET, &target)];
        let signed = self.signer.sign(&plain, &body, Timestamp::now());
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, kind);
        let request = request.header(TARGET, target);
        let request = signed.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(body)
    }
}
