//! Answers, apart from any server.

use super::{deprecated, identity};
use crate::wire::protocol::{
    Event, Output, PIECE, Pieces, Protocol, Query, Reply, ServiceError, event_stream, query::Xml,
};
use futures::stream::BoxStream;

/// An answer ready to send.
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
    /// For the metrics: `OK` or the code of the error.
    pub code: &'static str,
}

/// How a request is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice<'v> {
    pub protocol: Protocol,
    /// What its service says of Query, if it is known and speaks it.
    pub query: Option<&'static Query>,
    pub operation: &'static str,
    pub request_id: &'v str,
}

pub(super) enum Body {
    /// Not even a length, which would be that of what HEAD does not send.
    Nothing,
    Whole(Vec<u8>),
    /// Written while it is sent.
    Pieces(Box<Pieces>),
    /// Events in the protocol of the request.
    Events(Protocol, BoxStream<'static, Event>),
}

const OK: &str = "OK";
/// The id of a request, which every answer has.
pub(super) const REQUEST_ID: &str = "x-amzn-requestid";

impl Answer {
    fn new(status: u16, code: &'static str, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body: Body::Whole(body), code }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// An answer without a body.
    pub(super) fn empty(status: u16, code: &'static str) -> Self {
        Self::new(status, code, Vec::new())
    }

    /// To a browser's question; it has no second request id.
    pub(super) fn preflight(headers: Vec<(&'static str, String)>) -> Self {
        Self { headers, ..Self::empty(200, OK) }
    }

    pub(super) fn reply(voice: Voice<'_>, reply: Reply) -> Self {
        let Voice { protocol, query, operation, request_id } = voice;
        let kind = protocol.content_type();
        if let (Protocol::Query, Some(query)) = (protocol, query) {
            let output = match &reply {
                Reply::Whole(output) => Some(output),
                Reply::Empty | Reply::Events(_) => None,
            };
            let body = Xml::response(query, operation, output, request_id);
            return Self::new(200, OK, body).with("content-type", kind);
        }
        match reply {
            Reply::Empty => Self::empty(200, OK).with("content-type", kind),
            Reply::Whole(output) => Self::whole(protocol, &output).with("content-type", kind),
            Reply::Events(events) => Self {
                body: Body::Events(protocol, events),
                ..Self::empty(200, OK).with("content-type", event_stream::CONTENT_TYPE)
            },
        }
    }

    /// A long answer is not written before it is sent.
    fn whole(protocol: Protocol, output: &Output) -> Self {
        let body = match output.size_hint() {
            ..=PIECE => Body::Whole(protocol.write(output)),
            _ => Body::Pieces(Box::new(protocol.pieces(output))),
        };
        Self { body, ..Self::empty(200, OK) }
    }

    pub(super) fn error(voice: Voice<'_>, error: &ServiceError) -> Self {
        let Voice { protocol, query, request_id, .. } = voice;
        let Some(query) = query else {
            let body = protocol.write(&error.body());
            return Self::new(error.status, error.code, body).with("content-type", protocol.content_type());
        };
        let told = (query.told)(error.code);
        let body = match protocol {
            Protocol::Query => Xml::error(query, error, request_id),
            _ => protocol.write(&error.body_as(&told.json_type)),
        };
        let answer = Self::new(error.status, error.code, body).with("content-type", protocol.content_type());
        match protocol {
            Protocol::Query => answer,
            _ => answer.with("x-amzn-query-error", format!("{};{}", told.code, error.fault())),
        }
    }

    /// An error of a request whose protocol is not known: XML without a type.
    pub(super) fn xml(error: &ServiceError) -> Self {
        let ServiceError { status, code, message } = error;
        let body = format!("<{code}>\n  <Message>{message}</Message>\n</{code}>\n");
        Self::new(*status, code, body.into_bytes())
    }

    /// To plain `application/json`, of which AWS knows the form and no operation.
    pub(super) fn deprecated(body: &[u8]) -> Self {
        let (code, body) = deprecated::answer(body);
        Self::new(200, code, body).with("content-type", deprecated::CONTENT_TYPE)
    }

    /// The request's ids, which every answer has.
    pub(super) fn identified(self, request_id: &str, is_preflight: bool) -> Self {
        let identified = self.with(REQUEST_ID, request_id);
        if is_preflight { identified } else { identified.with("x-amz-id-2", identity::extended_request_id()) }
    }

    /// As HEAD is answered.
    pub(super) fn bare(self) -> Self {
        Self { body: Body::Nothing, ..self }
    }

    pub(super) fn with_all(mut self, headers: Vec<(&'static str, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The body of an answer that is no stream.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Whole(bytes) => bytes,
            Body::Nothing | Body::Pieces(_) | Body::Events(..) => &[],
        }
    }

    #[cfg(test)]
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}
