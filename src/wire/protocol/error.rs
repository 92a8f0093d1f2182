//! An error as AWS answers it.

use super::Output;

/// Refused by a service: an HTTP status, a code that clients compare, a message that people read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    pub status: u16,
    /// Such as `ResourceNotFoundException`.
    pub code: &'static str,
    /// Left out of the answer when it is empty.
    pub message: String,
}

/// Requests that could not be read.
pub(super) const SERIALIZATION: &str = "SerializationException";

impl ServiceError {
    /// The client is at fault: status 400.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    /// A request that keeps the form but not the constraints.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::bad_request("ValidationException", message)
    }

    /// We are at fault: status 500. AWS says no more than this.
    pub fn internal() -> Self {
        Self { status: 500, code: "InternalFailure", message: String::new() }
    }

    /// The client may come again: status 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { status: 503, code: "ServiceUnavailable", message: message.into() }
    }

    /// Who is to blame, as AWS says it.
    pub fn fault(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }

    /// Whether it refuses what is no request at all; AWS tells so even to who may not ask.
    pub fn is_of_syntax(&self) -> bool {
        self.code == SERIALIZATION && self.message.is_empty()
    }

    /// The body of an answer. What could not be read is told with a capital `Message`, as AWS does.
    pub fn body(&self) -> Output {
        self.body_as(self.code)
    }

    /// The same under another name of its type.
    pub fn body_as(&self, kind: &str) -> Output {
        self.told().with_type(kind)
    }

    /// The payload of an exception within an event stream, whose headers tell the code.
    pub(super) fn told(&self) -> Output {
        let name = if self.code == SERIALIZATION { "Message" } else { "message" };
        Output::new().with_some(name, (!self.message.is_empty()).then(|| self.message.clone()))
    }
}

impl Output {
    fn with_type(mut self, code: &str) -> Self {
        self.0.insert(0, ("__type", code.into()));
        self
    }
}
