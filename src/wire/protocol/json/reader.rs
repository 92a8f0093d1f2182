//! JSON to the typed tree, led by the shape: nothing that the shape has not is kept.

use crate::wire::protocol::{
    Input, List, Map, Shape, Structure, Value,
    budget::{Budget, Depth},
    scalar::{self, Mismatch, Number},
};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{cell::RefCell, fmt};

/// What is known of the request while it is read.
struct Reading {
    budget: Budget,
    /// Why the request is refused, when its syntax is right.
    mismatch: RefCell<Option<Mismatch>>,
}

impl Reading {
    /// Stops the parser; the reason is kept aside, as the parser would add a line and a column.
    fn refuse<E: serde::de::Error>(&self, mismatch: Mismatch) -> E {
        self.mismatch.replace(Some(mismatch));
        E::custom("mismatch")
    }
}

/// Reads a body.
///
/// # Errors
/// What AWS says of the first value of a wrong type; nothing for what is not JSON, or no object.
pub(in crate::wire::protocol) fn read(
    shape: &'static Structure,
    body: &[u8],
) -> Result<Input, Option<Mismatch>> {
    let reading = Reading { budget: Budget::new(), mismatch: RefCell::new(None) };
    let mut parser = serde_json::Deserializer::from_slice(body);
    let whole = Whole { shape, reading: &reading };
    let read = parser.deserialize_map(whole).and_then(|input| parser.end().map(|()| input));
    read.map_err(|_| reading.mismatch.take())
}

/// The request itself.
struct Whole<'r> {
    shape: &'static Structure,
    reading: &'r Reading,
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Input;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a structure")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Input, A::Error> {
        structure(self.shape, fields, self.reading, Depth::default())
    }
}

/// A value within it.
struct Part<'r> {
    shape: &'static Shape,
    reading: &'r Reading,
    depth: Depth,
}

impl Part<'_> {
    fn or_refuse<E: serde::de::Error>(&self, read: Result<Value, Mismatch>) -> Result<Option<Value>, E> {
        self.reading.budget.take(1).map_err(|mismatch| self.reading.refuse(mismatch))?;
        read.map(Some).map_err(|mismatch| self.reading.refuse(mismatch))
    }

    fn deeper<E: serde::de::Error>(&self) -> Result<Depth, E> {
        self.depth.deeper().map_err(|mismatch| self.reading.refuse(mismatch))
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Option<Value>, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Option<Value>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Option<Value>, E> {
        self.reading.budget.take(1).map_err(|mismatch| self.reading.refuse(mismatch))?;
        Ok(None)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<Value>, E> {
        self.or_refuse(scalar::of_text(self.shape, text))
    }

    fn visit_bool<E: serde::de::Error>(self, is: bool) -> Result<Option<Value>, E> {
        self.or_refuse(scalar::of_boolean(self.shape, is))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Option<Value>, E> {
        self.or_refuse(scalar::of_number(self.shape, Number::Integer(number)))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Option<Value>, E> {
        let number = i64::try_from(number).map_or(Number::Beyond, Number::Integer);
        self.or_refuse(scalar::of_number(self.shape, number))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Option<Value>, E> {
        self.or_refuse(scalar::of_number(self.shape, Number::Fraction(number)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Option<Value>, A::Error> {
        match self.shape {
            Shape::List(shape) => list(shape, items, self.reading, self.deeper()?).map(Some),
            _ => Err(self.reading.refuse(scalar::list_misplaced())),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Option<Value>, A::Error> {
        let depth = self.deeper()?;
        match self.shape {
            Shape::Structure(shape) => {
                structure(shape, fields, self.reading, depth).map(|input| Some(Value::Structure(input)))
            }
            Shape::Map(shape) => map(shape, fields, self.reading, depth).map(Some),
            _ => Err(self.reading.refuse(scalar::structure_misplaced())),
        }
    }
}

fn structure<'de, A: MapAccess<'de>>(
    shape: &'static Structure,
    mut fields: A,
    reading: &Reading,
    depth: Depth,
) -> Result<Input, A::Error> {
    reading.budget.take(shape.members.len()).map_err(|mismatch| reading.refuse(mismatch))?;
    let mut input = Input::empty(shape);
    while let Some(place) = fields.next_key_seed(Name(shape))? {
        match place.and_then(|at| Some((at, shape.members.get(at)?))) {
            Some((at, member)) => {
                let value = fields.next_value_seed(Part { shape: &member.shape, reading, depth })?;
                input.put(at, value);
            }
            None => fields.next_value_seed(Passed { reading, depth })?,
        }
    }
    Ok(input)
}

fn list<'de, A: SeqAccess<'de>>(
    shape: &'static List,
    mut items: A,
    reading: &Reading,
    depth: Depth,
) -> Result<Value, A::Error> {
    let mut values = Vec::new();
    while let Some(value) = items.next_element_seed(Part { shape: &shape.member, reading, depth })? {
        values.push(value);
    }
    Ok(Value::List(values))
}

fn map<'de, A: MapAccess<'de>>(
    shape: &'static Map,
    mut fields: A,
    reading: &Reading,
    depth: Depth,
) -> Result<Value, A::Error> {
    let mut entries = indexmap::IndexMap::new();
    while let Some(key) = fields.next_key::<String>()? {
        let value = fields.next_value_seed(Part { shape: &shape.value, reading, depth })?;
        entries.insert(key, value);
    }
    Ok(Value::Map(entries.into_iter().collect()))
}

/// The place of a member by its name.
struct Name(&'static Structure);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Option<usize>, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a member")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.members.iter().position(|member| member.name == name))
    }
}

/// A value that nobody asked for; only how deep it is matters.
struct Passed<'r> {
    reading: &'r Reading,
    depth: Depth,
}

impl<'r> Passed<'r> {
    fn deeper<E: serde::de::Error>(&self) -> Result<Passed<'r>, E> {
        let depth = self.depth.deeper().map_err(|mismatch| self.reading.refuse(mismatch))?;
        Ok(Passed { reading: self.reading, depth })
    }
}

impl<'de> DeserializeSeed<'de> for Passed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Passed<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_key::<IgnoredAny>()?.is_some() {
            fields.next_value_seed(self.deeper()?)?;
        }
        Ok(())
    }
}
