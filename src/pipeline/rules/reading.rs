//! Reads the shape of a record from its JSON, and checks whether a record fits a shape, both in
//! one pass and without building values.

use super::{
    shape::{Merging, Shape},
    statement::Wanted,
};
use indexmap::IndexMap;
use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::fmt;

/// The shape of one record's wanted fields.
///
/// # Errors
/// The reason why the payload is no record: invalid JSON, not an object, or a list that mixes
/// objects with other values.
pub(super) fn shape_of(payload: &[u8], wanted: &Wanted) -> Result<Shape, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let shape = (ShapeSeed { wanted: Some(wanted) })
        .deserialize(&mut deserializer)
        .and_then(|shape| deserializer.end().map(|()| shape))
        .map_err(|error| format!("invalid JSON: {error}"))?;
    if !matches!(shape, Shape::Object(_)) {
        return Err(format!("the record is {}, not a JSON object", shape.noun()));
    }
    match shape.torn_path() {
        Some(path) => Err(format!("field {path} holds values that no column can hold together")),
        None => Ok(shape),
    }
}

/// Whether a payload is an object whose wanted fields all have their place in `shape`.
pub(super) fn fits(payload: &[u8], shape: &Shape, wanted: &Wanted) -> bool {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let fitting = (FitSeed { shape, wanted: Some(wanted) }).deserialize(&mut deserializer);
    fitting.is_ok_and(|fits| fits) && deserializer.end().is_ok()
}

/// Reads a value's shape; `wanted` limits the fields of the outermost object.
struct ShapeSeed<'a> {
    wanted: Option<&'a Wanted>,
}

impl<'de> DeserializeSeed<'de> for ShapeSeed<'_> {
    type Value = Shape;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ShapeSeed<'_> {
    type Value = Shape;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Unknown)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Boolean)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Whole)
    }
    fn visit_u64<E>(self, number: u64) -> Result<Shape, E> {
        Ok(if i64::try_from(number).is_ok() { Shape::Whole } else { Shape::Wide })
    }
    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Real)
    }
    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Text)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Shape, A::Error> {
        let mut merged = Shape::Unknown;
        while let Some(element) = elements.next_element_seed(ShapeSeed { wanted: None })? {
            merged = merged.merged(element, Merging::Scalars);
        }
        Ok(Shape::List(Box::new(merged)))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut fields = IndexMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.wanted.is_none_or(|wanted| wanted.includes(&name)) {
                let shape = map.next_value_seed(ShapeSeed { wanted: None })?;
                fields.insert(name, shape);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Shape::Object(fields))
    }
}

/// Checks a value against a shape.
struct FitSeed<'a> {
    shape: &'a Shape,
    wanted: Option<&'a Wanted>,
}

impl<'de> DeserializeSeed<'de> for FitSeed<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FitSeed<'_> {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(self.wanted.is_none())
    }
    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(matches!(self.shape, Shape::Boolean | Shape::Mixed))
    }
    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(matches!(self.shape, Shape::Whole | Shape::Wide | Shape::Real | Shape::Mixed))
    }
    fn visit_u64<E>(self, number: u64) -> Result<bool, E> {
        let wide = matches!(self.shape, Shape::Wide | Shape::Real | Shape::Mixed);
        Ok(wide || (matches!(self.shape, Shape::Whole) && i64::try_from(number).is_ok()))
    }
    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(matches!(self.shape, Shape::Real | Shape::Mixed))
    }
    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(matches!(self.shape, Shape::Text | Shape::Mixed))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        let Shape::List(shape) = self.shape else {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(false);
        };
        let mut all = true;
        while let Some(fits) = elements.next_element_seed(FitSeed { shape, wanted: None })? {
            all &= fits;
        }
        Ok(all)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut all = matches!(self.shape, Shape::Object(_));
        while let Some(field) = map.next_key_seed(FieldSeed { shape: self.shape, wanted: self.wanted })? {
            match field {
                KnownField::Shaped(shape) => {
                    all &= map.next_value_seed(FitSeed { shape, wanted: None })?;
                }
                KnownField::Unwanted => {
                    map.next_value::<IgnoredAny>()?;
                }
                KnownField::New => {
                    map.next_value::<IgnoredAny>()?;
                    all = false;
                }
            }
        }
        Ok(all)
    }
}

/// Finds a field by its key without copying the key.
struct FieldSeed<'a> {
    shape: &'a Shape,
    wanted: Option<&'a Wanted>,
}

enum KnownField<'a> {
    Shaped(&'a Shape),
    Unwanted,
    New,
}

impl<'de, 'a> DeserializeSeed<'de> for FieldSeed<'a> {
    type Value = KnownField<'a>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<KnownField<'a>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for FieldSeed<'a> {
    type Value = KnownField<'a>;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a field's name")
    }
    fn visit_str<E: de::Error>(self, name: &str) -> Result<KnownField<'a>, E> {
        if self.wanted.is_some_and(|wanted| !wanted.includes(name)) {
            return Ok(KnownField::Unwanted);
        }
        Ok(match self.shape {
            Shape::Object(fields) => fields.get(name).map_or(KnownField::New, KnownField::Shaped),
            _ => KnownField::New,
        })
    }
}
