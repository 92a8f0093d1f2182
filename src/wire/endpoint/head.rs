//! The head of a request, apart from any server.

use crate::wire::signing::SignedRequest;
use tokio::sync::watch;

/// Method, target and headers.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub method: String,
    /// As it came, without the query.
    pub path: String,
    pub query: String,
    /// Names in lower case; HTTP/2's authority as `host` and `:authority`.
    pub headers: Vec<(String, String)>,
    /// Turns true when the client hangs up, if its connection can tell.
    pub left: Option<watch::Receiver<bool>>,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it says anything of who sent it.
    pub(super) fn is_signed(&self) -> bool {
        let in_query = |pair: &str| pair == "X-Amz-Algorithm" || pair.starts_with("X-Amz-Algorithm=");
        self.header("authorization").is_some() || self.query.split('&').any(in_query)
    }

    pub(super) fn with_body<'r>(&'r self, body: &'r [u8]) -> SignedRequest<'r> {
        SignedRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: (&self.headers).into(),
            body,
        }
    }
}
