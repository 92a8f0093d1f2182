//! The wire layer as far as its readers need it.

pub mod kinesis;
#[path = "../../../src/wire/protocol/mod.rs"]
pub mod protocol;
#[path = "../../../src/wire/service.rs"]
pub mod service;
#[path = "../../../src/wire/signing/mod.rs"]
pub mod signing;
pub mod sqs;

pub use protocol::{Input, Reply, ServiceError};
pub use service::Operation;

/// Of a service's operations no reader waits for anything.
pub mod leave {
    #[derive(Debug, Clone, Default)]
    pub struct Leave;
}
