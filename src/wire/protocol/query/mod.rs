//! AWS Query: parameters of a form or of a URL to the typed tree, answers and errors in XML.
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

mod form;
mod reader;
#[cfg(test)]
mod tests;
mod xml;

pub use form::Form;
pub use xml::Xml;

use super::QueryName;
pub(super) use reader::read;

/// What a service that speaks Query has to say of it.
#[derive(Debug)]
pub struct Query {
    /// Of the XML that it answers.
    pub namespace: &'static str,
    /// How a list or a map of an operation's answer is written.
    pub element: fn(operation: &str, member: &'static str) -> QueryName,
    /// How an error is told, in XML and in JSON.
    pub told: fn(code: &str) -> Told,
}

/// How an error is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `__type` in JSON.
    pub json_type: String,
    /// In XML, and in `x-amzn-query-error`.
    pub code: String,
}
