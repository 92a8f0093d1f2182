//! One tree for every format: values with the place they were written at.

use super::{KeyPath, Position, Step};
use indexmap::IndexMap;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub value: Value,
    pub position: Position,
}

/// What a file can say.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(Text),
    List(Vec<Node>),
    Table(IndexMap<String, Entry>),
}

/// A text, and whether parts of it came from the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub value: String,
    /// As it stands in the file: what may be shown.
    pub written: String,
    /// The file's line that the first line of a text of several lines stands on.
    pub first_line: usize,
}

/// A field of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the field's name stands.
    pub key: Position,
    pub node: Node,
}

impl Node {
    pub fn text(text: String, position: Position) -> Self {
        Self::long_text(text, position, position.line)
    }

    /// A text of several lines, which begins on a line of its own.
    pub fn long_text(text: String, position: Position, first_line: usize) -> Self {
        Self { value: Value::Text(Text { value: text.clone(), written: text, first_line }), position }
    }

    pub fn as_table(&self) -> Option<&IndexMap<String, Entry>> {
        match &self.value {
            Value::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value at `path`, if there is one.
    pub fn at(&self, path: &KeyPath) -> Option<&Self> {
        path.steps().iter().try_fold(self, |node, step| match (step, &node.value) {
            (Step::Field(name), Value::Table(entries)) => Some(&entries.get(name)?.node),
            (Step::Item(index), Value::List(items)) => items.get(*index),
            _ => None,
        })
    }

    /// The text at `path`, if there is one.
    pub fn text_at(&self, path: &KeyPath) -> Option<&Text> {
        match &self.at(path)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The place of the value at `path`, or of the nearest thing that holds it. A table and
    /// anything in it that is missing stand where the table's name stands.
    pub fn locate(&self, path: &KeyPath) -> Position {
        let mut found = self.position;
        let mut node = self;
        for step in path.steps() {
            let next = match (step, &node.value) {
                (Step::Field(name), Value::Table(entries)) => {
                    entries.get(name).map(|entry| (entry.place(), &entry.node))
                }
                (Step::Item(index), Value::List(items)) => {
                    items.get(*index).map(|item| (item.position, item))
                }
                _ => None,
            };
            let Some((place, inner)) = next else { break };
            found = place;
            node = inner;
        }
        found
    }
}

impl Entry {
    /// Tables and lists are known by their names, other fields by their values.
    pub fn place(&self) -> Position {
        match self.node.value {
            Value::Table(_) | Value::List(_) => self.key,
            _ => self.node.position,
        }
    }
}

impl Text {
    pub fn is_substituted(&self) -> bool {
        self.value != self.written
    }
}
