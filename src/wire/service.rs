//! What a service behind the endpoint is: a name, its operations as data, and one function that answers.

use super::leave::Leave;
use super::protocol::{Input, Query, Reply, ServiceError, Structure};
use futures::future::BoxFuture;
use std::fmt;

/// Who asks, and for which part of the world.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// Region of the signature's credential scope, such as `us-east-1`.
    pub region: String,
    /// As the answer's `x-amzn-RequestId` tells it.
    pub request_id: String,
    /// What the request calls this server: host and port.
    pub authority: String,
    /// Whether it came to us over TLS, as a proxy before us says.
    pub is_secure: bool,
    /// When an operation that waits is to wait no longer.
    pub leave: Leave,
}

/// An operation as the service model has it.
#[derive(Debug)]
pub struct Operation {
    pub name: &'static str,
    /// What its request holds.
    pub input: &'static Structure,
}

/// Answers an operation, named as in [`Service::operations`]; its input keeps all constraints.
pub type Answer =
    Box<dyn Fn(Caller, &'static str, Input) -> BoxFuture<'static, Result<Reply, ServiceError>> + Send + Sync>;

/// A service behind the endpoint.
pub struct Service {
    /// What stands before the dot of `X-Amz-Target`, such as `Kinesis_20131202`.
    pub target: &'static str,
    /// The service's name in a credential scope, such as `kinesis`.
    pub signing_name: &'static str,
    pub operations: &'static [Operation],
    /// How it speaks Query beside JSON 1.0; without it, it speaks JSON 1.1 and CBOR.
    pub query: Option<&'static Query>,
    /// Operations that run on the threads of the connections, which saves a way there and back: each must be one
    /// step of the store, since the last ones may be cut off when the endpoint stops.
    pub brief: &'static [&'static str],
    pub answer: Answer,
}

impl Service {
    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Service").field("target", &self.target).finish_non_exhaustive()
    }
}
