//! AWS protocols: one HTTP endpoint behind which services answer as AWS does.
//!
//! A request passes [`endpoint`] (HTTP, CORS, request ids, which service and operation), [`signing`]
//! (who asks, from which region) and [`protocol`] (JSON, CBOR or Query to one typed tree, its constraints);
//! what an operation does is the service's own.

pub mod endpoint;
pub mod kinesis;
mod leave;
#[cfg(test)]
pub(crate) mod mutation;
pub mod protocol;
mod seal;
mod secret;
pub mod service;
pub mod signing;
pub mod sqs;

pub use leave::Leave;
pub use protocol::{Content, Event, Input, Output, Reply, Row, Rows, ServiceError, Tell, Timestamp, Value};
pub use service::{Answer, Caller, Operation, Service};
