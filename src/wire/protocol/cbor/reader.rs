//! CBOR to the typed tree, led by the shape: nothing that the shape has not is kept.

use super::item::{Count, Items};
use crate::wire::protocol::{
    Input, Shape, Structure, Timestamp, Value,
    budget::{Budget, Depth},
    scalar::{self, Mismatch, Number},
};
use bytes::Bytes;
use ciborium_ll::{Header, simple};

/// Tag of a point in time.
const TIME: u64 = 1;

/// Why a body is refused: what AWS says, or nothing for what is not CBOR.
type Refusal = Option<Mismatch>;

/// Reads a body.
///
/// # Errors
/// What AWS says of the first value of a wrong type; nothing for what is not CBOR, or no map.
pub(in crate::wire::protocol) fn read(shape: &'static Structure, body: &Bytes) -> Result<Input, Refusal> {
    let mut reader = Reader { items: Items::new(body.clone()), budget: Budget::new() };
    let header = reader.next()?;
    let Header::Map(length) = header else { return Err(None) };
    let input = reader.structure(shape, length, Depth::default())?;
    if reader.items.is_at_end() { Ok(input) } else { Err(None) }
}

struct Reader {
    items: Items,
    budget: Budget,
}

impl Reader {
    /// The next header; tags of the self-described kind and others that change nothing are passed.
    fn next(&mut self) -> Result<Header, Refusal> {
        let header = self.items.next().ok_or(None)?;
        self.untagged(header)
    }

    fn untagged(&mut self, mut header: Header) -> Result<Header, Refusal> {
        while matches!(header, Header::Tag(tag) if tag != TIME) {
            header = self.items.next().ok_or(None)?;
        }
        Ok(header)
    }

    fn structure(
        &mut self,
        shape: &'static Structure,
        length: Option<usize>,
        depth: Depth,
    ) -> Result<Input, Refusal> {
        self.budget.take(shape.members.len()).map_err(Some)?;
        let mut input = Input::empty(shape);
        let mut count = Count::new(length);
        while let Some(header) = count.next(&mut self.items).ok_or(None)? {
            let Header::Text(length) = header else { return Err(None) };
            let place_of = |name: &str| shape.members.iter().position(|member| member.name == name);
            let place = self.items.with_text(length, place_of).ok_or(None)?;
            let header = self.next()?;
            match place.and_then(|at| Some((at, shape.members.get(at)?))) {
                Some((at, member)) => {
                    let value = self.value(&member.shape, header, depth)?;
                    input.put(at, value);
                }
                None => self.pass(header, depth)?,
            }
        }
        Ok(input)
    }

    fn value(
        &mut self,
        shape: &'static Shape,
        header: Header,
        depth: Depth,
    ) -> Result<Option<Value>, Refusal> {
        self.budget.take(1).map_err(Some)?;
        let read = match self.untagged(header)? {
            Header::Simple(simple::NULL | simple::UNDEFINED) => return Ok(None),
            Header::Simple(simple::TRUE) => scalar::of_boolean(shape, true),
            Header::Simple(simple::FALSE) => scalar::of_boolean(shape, false),
            Header::Tag(_) => self.time(shape),
            Header::Text(length) => {
                let text = self.items.text(length).ok_or(None)?;
                match shape {
                    // Bytes are written as bytes here.
                    Shape::Blob(_) => Err("class java.lang.String can not be converted to a Blob".to_owned()),
                    _ => scalar::of_text(shape, &text),
                }
            }
            Header::Bytes(length) => {
                let bytes = self.items.bytes(length).ok_or(None)?;
                scalar::of_bytes(shape, bytes)
            }
            Header::Array(length) => return self.list(shape, length, depth).map(Some),
            Header::Map(length) => return self.map_or_structure(shape, length, depth).map(Some),
            header => match number(header) {
                Some(number) => scalar::of_number(shape, number),
                None => return Err(None),
            },
        };
        read.map(Some).map_err(Some)
    }

    /// What follows the tag of time: whole milliseconds, or seconds with a fraction.
    fn time(&mut self, shape: &Shape) -> Result<Value, Mismatch> {
        let number = self.items.next().and_then(number).unwrap_or(Number::Beyond);
        match (shape, number) {
            (Shape::Timestamp, Number::Integer(milliseconds)) => {
                Ok(Value::Timestamp(Timestamp(milliseconds)))
            }
            _ => scalar::of_number(shape, number),
        }
    }

    fn list(&mut self, shape: &'static Shape, length: Option<usize>, depth: Depth) -> Result<Value, Refusal> {
        let Shape::List(shape) = shape else { return Err(Some(scalar::list_misplaced())) };
        let depth = depth.deeper().map_err(Some)?;
        let (mut values, mut count) = (Vec::new(), Count::new(length));
        while let Some(header) = count.next(&mut self.items).ok_or(None)? {
            values.push(self.value(&shape.member, header, depth)?);
        }
        Ok(Value::List(values))
    }

    fn map_or_structure(
        &mut self,
        shape: &'static Shape,
        length: Option<usize>,
        depth: Depth,
    ) -> Result<Value, Refusal> {
        let depth = depth.deeper().map_err(Some)?;
        let shape = match shape {
            Shape::Structure(shape) => return self.structure(shape, length, depth).map(Value::Structure),
            Shape::Map(shape) => shape,
            _ => return Err(Some(scalar::structure_misplaced())),
        };
        let (mut entries, mut count) = (indexmap::IndexMap::new(), Count::new(length));
        while let Some(header) = count.next(&mut self.items).ok_or(None)? {
            let Header::Text(length) = header else { return Err(None) };
            let key = self.items.text(length).ok_or(None)?;
            let header = self.next()?;
            let value = self.value(&shape.value, header, depth)?;
            entries.insert(key, value);
        }
        Ok(Value::Map(entries.into_iter().collect()))
    }

    /// Passes a value that nobody asked for; only how deep it is matters.
    fn pass(&mut self, header: Header, depth: Depth) -> Result<(), Refusal> {
        match header {
            Header::Bytes(length) => self.items.bytes(length).map(drop).ok_or(None),
            Header::Text(length) => self.items.text(length).map(drop).ok_or(None),
            Header::Array(length) => self.pass_all(length, depth, false),
            Header::Map(length) => self.pass_all(length, depth, true),
            Header::Tag(_) => {
                let depth = depth.deeper().map_err(Some)?;
                let tagged = self.items.next().ok_or(None)?;
                self.pass(tagged, depth)
            }
            Header::Break => Err(None),
            _ => Ok(()),
        }
    }

    fn pass_all(&mut self, length: Option<usize>, depth: Depth, is_map: bool) -> Result<(), Refusal> {
        let depth = depth.deeper().map_err(Some)?;
        let mut count = Count::new(length);
        while let Some(header) = count.next(&mut self.items).ok_or(None)? {
            self.pass(header, depth)?;
            if is_map {
                let value = self.items.next().ok_or(None)?;
                self.pass(value, depth)?;
            }
        }
        Ok(())
    }
}

fn number(header: Header) -> Option<Number> {
    match header {
        Header::Positive(number) => Some(i64::try_from(number).map_or(Number::Beyond, Number::Integer)),
        // The bits of a negative number are inverted.
        Header::Negative(number) => {
            Some(i64::try_from(number).map_or(Number::Beyond, |n| Number::Integer(!n)))
        }
        Header::Float(number) => Some(Number::Fraction(number)),
        _ => None,
    }
}
