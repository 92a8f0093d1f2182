//! What an operation answers: a tree of named fields, written as JSON or CBOR.

use super::{Rows, Timestamp};
use bytes::Bytes;

/// A structure of an answer, its fields in the order in which they were put.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output(pub(super) Vec<(&'static str, Content)>);

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Text(String),
    /// Base64 in JSON, bytes in CBOR.
    Blob(Bytes),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    /// Seconds with a fraction in JSON, tagged milliseconds in CBOR.
    Timestamp(Timestamp),
    List(Vec<Content>),
    /// A list of structures that are made while they are written.
    Rows(Rows),
    Map(Vec<(String, Content)>),
    Structure(Output),
}

impl Output {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Content>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// Puts the field if there is a value: AWS leaves out what is not set.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Content>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Puts a list of whatever can be a value.
    #[must_use]
    pub fn with_list<C: Into<Content>>(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = C>,
    ) -> Self {
        self.with(name, Content::List(values.into_iter().map(Into::into).collect()))
    }

    /// About how many bytes it is when written, so that memory is taken once.
    pub fn size_hint(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + 4 + value.size_hint()).sum::<usize>() + 2
    }

    /// The field of this name, for tests and for who writes answers anew.
    pub fn get(&self, name: &str) -> Option<&Content> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl Content {
    fn size_hint(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 2,
            Self::Blob(bytes) => bytes.len().div_ceil(3) * 4 + 2,
            Self::Integer(_) | Self::Double(_) | Self::Boolean(_) | Self::Timestamp(_) => 16,
            Self::List(values) => values.iter().map(|value| value.size_hint() + 1).sum::<usize>() + 2,
            Self::Rows(rows) => rows.size_hint(),
            Self::Map(entries) => entries.iter().map(|(key, value)| key.len() + 4 + value.size_hint()).sum(),
            Self::Structure(output) => output.size_hint(),
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Rows> for Content {
    fn from(rows: Rows) -> Self {
        Self::Rows(rows)
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Blob(bytes)
    }
}

impl From<i64> for Content {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Content {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<f64> for Content {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for Content {
    fn from(is: bool) -> Self {
        Self::Boolean(is)
    }
}

impl From<Timestamp> for Content {
    fn from(time: Timestamp) -> Self {
        Self::Timestamp(time)
    }
}

impl From<Output> for Content {
    fn from(fields: Output) -> Self {
        Self::Structure(fields)
    }
}
