//! Bodies of calls, and what the client is told of a request that cannot be read.

use crate::{pipeline::http_server::BodyError, wire::protocol::ServiceError};

/// Largest body: 10 MiB of records as base64, with room for keys and names.
pub(super) const LARGEST: usize = 16 << 20;

/// What the client is told of a body that could not be read.
pub(super) fn unread_body(error: BodyError) -> ServiceError {
    let (status, code, message) = match error {
        BodyError::TooLarge { .. } => {
            (413, "RequestEntityTooLargeException", "The request is larger than 16 MiB.")
        }
        BodyError::Late => (408, "RequestTimeoutException", "The body did not come within 30 s."),
        BodyError::Broken => (400, "IncompleteBodyException", "The body broke off."),
        BodyError::Busy => return ServiceError::unavailable("Other requests hold all memory; try again."),
    };
    ServiceError { status, code, message: message.to_owned() }
}

/// What the client is told of a head that could not be read, by the status of HTTP that says why.
pub(super) fn unread_head(status: u16) -> ServiceError {
    let (code, message) = match status {
        408 => ("RequestTimeoutException", "The head of the request did not come in time."),
        431 => (
            "RequestHeaderFieldsTooLargeException",
            "The head of the request is larger than 128 KiB or has more than 96 headers.",
        ),
        500.. => return ServiceError::internal(),
        _ => ("BadRequestException", "The request is not HTTP/1.1 as it should be."),
    };
    ServiceError { status, code, message: message.to_owned() }
}
