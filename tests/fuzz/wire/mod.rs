//! The wire layer as far as its readers need it.

pub mod kinesis;
#[path = "../../../src/wire/protocol/mod.rs"]
pub mod protocol;
#[path = "../../../src/wire/service.rs"]
pub mod service;
#[path = "../../../src/wire/signing/mod.rs"]
pub mod signing;

pub use protocol::{Input, Reply, ServiceError};
pub use service::Operation;
