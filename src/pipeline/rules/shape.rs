//! The shape of JSON records: which fields they have, and of which type.

use datafusion::arrow::datatypes::{DataType, Field, Fields};
use indexmap::IndexMap;
use std::sync::Arc;

/// Most fields that one shape may have, nested ones included.
pub(super) const MOST_FIELDS: usize = 2_000;
/// Decimal digits of the largest `u64`.
const WIDE_DIGITS: u8 = 20;

/// The type of a JSON value, merged over many records.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Missing or null wherever it was seen.
    Unknown,
    Boolean,
    Whole,
    /// Whole numbers above the largest `i64`.
    Wide,
    Real,
    Text,
    /// Scalars of several types, read as text.
    Mixed,
    List(Box<Shape>),
    Object(IndexMap<String, Shape>),
    /// Values that no column can hold together, such as an object and a number.
    Torn,
}

/// How far different scalars may be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merging {
    /// Numbers with numbers only.
    Alike,
    /// Any scalars, read as text.
    Scalars,
}

impl Shape {
    pub(super) fn empty() -> Self {
        Self::Object(IndexMap::new())
    }

    /// What this shape is called in a reason.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Unknown => "null",
            Self::Boolean => "a boolean",
            Self::Whole | Self::Wide | Self::Real => "a number",
            Self::Text => "a text",
            Self::Mixed => "a scalar",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
            Self::Torn => "a mixture",
        }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self, Self::Unknown | Self::List(_) | Self::Object(_) | Self::Torn)
    }

    /// The shape of two values in one column; torn where there is none.
    pub(super) fn merged(self, other: Self, merging: Merging) -> Self {
        match (self, other) {
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (left, right) if left == right => left,
            (Self::Whole, Self::Wide) | (Self::Wide, Self::Whole) => Self::Wide,
            (Self::Whole | Self::Wide, Self::Real) | (Self::Real, Self::Whole | Self::Wide) => Self::Real,
            (Self::List(left), Self::List(right)) => Self::List(Box::new(left.merged(*right, merging))),
            (Self::Object(mut left), Self::Object(right)) => {
                for (name, shape) in right {
                    let known = left.entry(name).or_insert(Self::Unknown);
                    *known = std::mem::replace(known, Self::Unknown).merged(shape, merging);
                }
                Self::Object(left)
            }
            (left, right) if merging == Merging::Scalars && left.is_scalar() && right.is_scalar() => {
                Self::Mixed
            }
            _ => Self::Torn,
        }
    }

    /// Whether [`Shape::merged`] would tear nothing.
    pub(super) fn accepts(&self, other: &Self, merging: Merging) -> bool {
        match (self, other) {
            (Self::Torn, _) | (_, Self::Torn) => false,
            (Self::Unknown, _) | (_, Self::Unknown) => true,
            (Self::Whole | Self::Wide | Self::Real, Self::Whole | Self::Wide | Self::Real) => true,
            (Self::List(left), Self::List(right)) => left.accepts(right, merging),
            (Self::Object(left), Self::Object(right)) => right
                .iter()
                .all(|(name, shape)| left.get(name).is_none_or(|known| known.accepts(shape, merging))),
            (left, right) => {
                std::mem::discriminant(left) == std::mem::discriminant(right)
                    || (merging == Merging::Scalars && left.is_scalar() && right.is_scalar())
            }
        }
    }

    /// Makes sure that a path that SQL mentions exists, of unknown type if no record has it.
    pub(super) fn require(&mut self, path: &[String]) {
        let Some((name, rest)) = path.split_first() else { return };
        if matches!(self, Self::Unknown) {
            *self = Self::empty();
        }
        if let Self::Object(fields) = self {
            fields.entry(name.clone()).or_insert(Self::Unknown).require(rest);
        }
    }

    /// Number of fields, nested ones included.
    pub(super) fn fields(&self) -> usize {
        match self {
            Self::Object(fields) => fields.values().map(|field| 1 + field.fields()).sum(),
            Self::List(element) => element.fields(),
            _ => 0,
        }
    }

    /// Path of the first value that no column can hold.
    pub(super) fn torn_path(&self) -> Option<String> {
        match self {
            Self::Torn => Some(String::new()),
            Self::List(element) => element.torn_path().map(|path| format!("[]{path}")),
            Self::Object(fields) => fields.iter().find_map(|(name, shape)| {
                let path = shape.torn_path()?;
                let separator = if path.is_empty() || path.starts_with('[') { "" } else { "." };
                Some(format!("{name}{separator}{path}"))
            }),
            _ => None,
        }
    }

    /// The column type that holds this shape; `unknown` stands in where no value was seen.
    pub(super) fn data_type(&self, unknown: &DataType) -> DataType {
        match self {
            Self::Unknown | Self::Torn => unknown.clone(),
            Self::Boolean => DataType::Boolean,
            Self::Whole => DataType::Int64,
            Self::Wide => DataType::Decimal128(WIDE_DIGITS, 0),
            Self::Real => DataType::Float64,
            Self::Text | Self::Mixed => DataType::Utf8,
            Self::List(element) => {
                DataType::List(Arc::new(Field::new("item", element.data_type(unknown), true)))
            }
            Self::Object(_) => DataType::Struct(self.columns(unknown)),
        }
    }

    /// The fields of an object as columns; none for anything else.
    pub(super) fn columns(&self, unknown: &DataType) -> Fields {
        match self {
            Self::Object(fields) => {
                fields.iter().map(|(name, shape)| Field::new(name, shape.data_type(unknown), true)).collect()
            }
            _ => Fields::empty(),
        }
    }
}
