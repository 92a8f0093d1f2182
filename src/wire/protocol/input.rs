//! A structure of a request, read by its shape: fields are asked for by their names.

use super::{Structure, Timestamp};
use bytes::Bytes;

/// A structure that was read: the whole request, or one within it. Fields that were absent or null
/// are `None`; a field asked for as another type than its shape's is `None` too.
#[derive(Debug, Clone)]
pub struct Input {
    shape: &'static Structure,
    /// One place for each member of the shape.
    values: Vec<Option<Value>>,
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Blob(Bytes),
    /// An integer of 32 or 64 bits.
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Timestamp(Timestamp),
    /// `None` where null stood; no constraint lets it pass.
    List(Vec<Option<Value>>),
    /// In the order of the request; each key once.
    Map(Vec<(String, Option<Value>)>),
    Structure(Input),
}

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.shape, other.shape) && self.values == other.values
    }
}

impl Input {
    /// A structure without any field.
    pub fn empty(shape: &'static Structure) -> Self {
        Self { shape, values: std::iter::repeat_with(|| None).take(shape.members.len()).collect() }
    }

    pub fn shape(&self) -> &'static Structure {
        self.shape
    }

    /// Each member of the shape with what was read.
    pub(in crate::wire) fn fields(&self) -> impl Iterator<Item = (&'static super::Member, Option<&Value>)> {
        self.shape.members.iter().zip(self.values.iter().map(Option::as_ref))
    }

    /// Puts a value in its place; a name that comes again replaces what came first.
    pub(super) fn put(&mut self, at: usize, value: Option<Value>) {
        if let Some(place) = self.values.get_mut(at) {
            *place = value;
        }
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.shape.members.iter().position(|member| member.name == name);
        debug_assert!(at.is_some(), "{} has no member {name}", self.shape.name);
        self.values.get(at?)?.as_ref()
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// Bytes, shared with the request's body where the protocol allows it.
    pub fn blob(&self, name: &str) -> Option<&Bytes> {
        match self.get(name)? {
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    pub fn double(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Double(number) => Some(*number),
            _ => None,
        }
    }

    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Boolean(is) => Some(*is),
            _ => None,
        }
    }

    pub fn timestamp(&self, name: &str) -> Option<Timestamp> {
        match self.get(name)? {
            Value::Timestamp(time) => Some(*time),
            _ => None,
        }
    }

    pub fn structure(&self, name: &str) -> Option<&Input> {
        self.get(name)?.as_structure()
    }

    /// The values of a list; none when it is absent.
    pub fn list(&self, name: &str) -> impl ExactSizeIterator<Item = Option<&Value>> {
        let items = match self.get(name) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(Option::as_ref)
    }

    /// The structures of a list.
    pub fn structures(&self, name: &str) -> impl Iterator<Item = &Input> {
        self.list(name).flatten().filter_map(Value::as_structure)
    }

    /// The texts of a list.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).flatten().filter_map(Value::as_text)
    }

    /// A map of texts, in the order of the request.
    pub fn text_map(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let entries = match self.get(name) {
            Some(Value::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_ref()?.as_text()?)))
    }
}

impl Value {
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_structure(&self) -> Option<&Input> {
        match self {
            Self::Structure(input) => Some(input),
            _ => None,
        }
    }
}
