//! What a client gets, and in which protocol.

use super::{
    Form, Input, Output, Pieces, ServiceError, Structure, cbor, constraints, error::SERIALIZATION, json,
    query,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use std::fmt;

/// How a request is written, and so its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON 1.1.
    Json,
    /// JSON 1.0.
    JsonOne,
    Cbor,
    /// AWS Query: a form, answered in XML.
    Query,
}

/// What an operation answers.
pub enum Reply {
    /// An operation without an output: an answer without a body.
    Empty,
    /// One tree.
    Whole(Output),
    /// An HTTP event stream. It ends with the stream, or with its first exception; the endpoint
    /// sends `initial-response` before the first event.
    Events(BoxStream<'static, Event>),
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Its type, such as `SubscribeToShardEvent`, and its payload.
    Of(&'static str, Output),
    /// Ends the stream.
    Exception(ServiceError),
}

impl Protocol {
    /// By the content type of a request, whatever its parameters.
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let all = [Self::Json, Self::JsonOne, Self::Cbor, Self::Query];
        all.into_iter().find(|protocol| kind.eq_ignore_ascii_case(protocol.request_type()))
    }

    fn request_type(self) -> &'static str {
        match self {
            Self::Query => "application/x-www-form-urlencoded",
            same => same.content_type(),
        }
    }

    /// Of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::JsonOne => "application/x-amz-json-1.0",
            Self::Cbor => "application/x-amz-cbor-1.1",
            Self::Query => "text/xml",
        }
    }

    /// Reads a request by its shape and holds it against all constraints.
    ///
    /// # Errors
    /// A `SerializationException` for what is of a wrong type or no request at all, else a
    /// `ValidationException` with every violation.
    pub fn read(self, shape: &'static Structure, body: &Bytes) -> Result<Input, ServiceError> {
        let input = self.parse(shape, body)?;
        constraints::check(&input)?;
        Ok(input)
    }

    /// Reads a request by its shape, whatever constraints say of it.
    ///
    /// # Errors
    /// A `SerializationException` for what is of a wrong type or no request at all.
    pub fn parse(self, shape: &'static Structure, body: &Bytes) -> Result<Input, ServiceError> {
        let read = match self {
            Self::Json | Self::JsonOne => json::read(shape, body),
            Self::Cbor => cbor::read(shape, body),
            Self::Query => Form::read(body).and_then(|form| query::read(shape, &form)).map_err(Some),
        };
        read.map_err(|told| ServiceError::bad_request(SERIALIZATION, told.unwrap_or_default()))
    }

    /// Reads a request in Query whose parameters are known.
    ///
    /// # Errors
    /// See [`Protocol::parse`].
    pub fn read_form(shape: &'static Structure, form: &Form) -> Result<Input, ServiceError> {
        query::read(shape, form).map_err(|told| ServiceError::bad_request(SERIALIZATION, told))
    }

    pub fn write(self, output: &Output) -> Vec<u8> {
        let mut out = Vec::with_capacity(output.size_hint());
        self.put(output, &mut out);
        out
    }

    /// The same, to be written a piece at a time.
    pub fn pieces(self, output: &Output) -> Pieces {
        Pieces::new(self, output)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("Empty"),
            Self::Whole(output) => out.debug_tuple("Whole").field(output).finish(),
            Self::Events(_) => out.write_str("Events(..)"),
        }
    }
}
