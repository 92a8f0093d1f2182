//! Requests as data: what an operation's input holds and the constraints on it, as the service model
//! declares them. Readers and the walker of constraints are led by it.

use super::Pattern;

/// A structure: its members in the order in which AWS tells their violations.
#[derive(Debug)]
pub struct Structure {
    /// Its Java name, as AWS renders one in a list.
    pub name: &'static str,
    pub members: &'static [Member],
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// As requests write it, such as `StreamName`.
    pub name: &'static str,
    pub shape: Shape,
    pub is_required: bool,
    /// Members of the same structure that stand for a required one.
    pub unless: &'static [&'static str],
    /// What it is called in Query, if it is not its name.
    pub query: Option<QueryName>,
}

/// What a member is called in Query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryName {
    pub name: &'static str,
    /// What a map's keys are called; its values are `Value`.
    pub key: &'static str,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    Text(Text),
    /// Bytes; the length is counted in them.
    Blob(Length),
    /// 32 bits.
    Integer(Range),
    /// 64 bits.
    Long(Range),
    Double,
    Boolean,
    Timestamp,
    List(&'static List),
    Map(&'static Map),
    Structure(&'static Structure),
}

/// A string and what it may be.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// In UTF-16 units, as Java counts.
    pub length: Length,
    /// The whole text matches it.
    pub pattern: Option<&'static Pattern>,
    /// The values of an enumeration, in the order in which AWS tells them; empty: any.
    pub choices: &'static [&'static str],
}

/// Least and most, both allowed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Length {
    pub least: Option<usize>,
    pub most: Option<usize>,
}

/// Least and most, both allowed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    pub least: Option<i64>,
    pub most: Option<i64>,
}

#[derive(Debug)]
pub struct List {
    pub length: Length,
    pub member: Shape,
}

/// Texts to values.
#[derive(Debug)]
pub struct Map {
    pub length: Length,
    pub key: Text,
    pub value: Shape,
}

impl Structure {
    pub const fn new(name: &'static str, members: &'static [Member]) -> Self {
        Self { name, members }
    }
}

impl Member {
    pub const fn required(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, is_required: true, unless: &[], query: None }
    }

    /// Required unless one of the others is given.
    pub const fn required_unless(name: &'static str, shape: Shape, unless: &'static [&'static str]) -> Self {
        Self { name, shape, is_required: true, unless, query: None }
    }

    pub const fn optional(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, is_required: false, unless: &[], query: None }
    }

    /// The same with another name in Query; `key` is what a map's keys are called.
    pub const fn in_query(self, name: &'static str, key: &'static str) -> Self {
        Self { query: Some(QueryName { name, key }), ..self }
    }

    pub fn query_name(&self) -> QueryName {
        self.query.unwrap_or(QueryName { name: self.name, key: "Name" })
    }
}

impl Length {
    pub const ANY: Self = Self { least: None, most: None };

    pub const fn between(least: usize, most: usize) -> Self {
        Self { least: Some(least), most: Some(most) }
    }
}

impl Range {
    pub const ANY: Self = Self { least: None, most: None };

    pub const fn between(least: i64, most: i64) -> Self {
        Self { least: Some(least), most: Some(most) }
    }

    pub const fn at_least(least: i64) -> Self {
        Self { least: Some(least), most: None }
    }
}

impl Text {
    /// Any text.
    pub const ANY: Self = Self { length: Length::ANY, pattern: None, choices: &[] };

    pub const fn length(self, least: usize, most: usize) -> Self {
        Self { length: Length::between(least, most), ..self }
    }

    pub const fn pattern(self, pattern: &'static Pattern) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    pub const fn one_of(choices: &'static [&'static str]) -> Self {
        Self { choices, ..Self::ANY }
    }
}

impl Shape {
    /// Any text.
    pub const TEXT: Self = Self::Text(Text::ANY);

    /// An enumeration.
    pub const fn one_of(choices: &'static [&'static str]) -> Self {
        Self::Text(Text::one_of(choices))
    }
}
