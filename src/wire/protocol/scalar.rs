//! Single values by their shape, and what AWS says when a value is of another type: the same for both
//! protocols. The texts are those that AWS answered to suites that recorded them.

use super::{Shape, Timestamp, Value, blob, rendering::cut};

/// What a client is told when a request cannot be read.
pub(super) type Mismatch = String;

const LIST: &str = "Start of list found where not expected";
const STRUCTURE: &str = "Start of structure or map found where not expected.";

/// A number of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Integer(i64),
    /// An integer outside 64 bits.
    Beyond,
    Fraction(f64),
}

pub(super) fn of_text(shape: &Shape, text: &str) -> Result<Value, Mismatch> {
    match shape {
        Shape::Text(_) => Ok(Value::Text(text.to_owned())),
        Shape::Blob(_) => blob::decode(text).map(Value::Blob),
        Shape::Boolean => boolean(text),
        _ => Err(misplaced(shape, "class java.lang.String")),
    }
}

pub(super) fn of_bytes(shape: &Shape, bytes: bytes::Bytes) -> Result<Value, Mismatch> {
    match shape {
        Shape::Blob(_) => Ok(Value::Blob(bytes)),
        _ => Err(misplaced(shape, "class java.nio.HeapByteBuffer")),
    }
}

pub(super) fn of_boolean(shape: &Shape, is: bool) -> Result<Value, Mismatch> {
    match shape {
        Shape::Boolean => Ok(Value::Boolean(is)),
        _ => Err(misplaced(shape, "class java.lang.Boolean")),
    }
}

/// Fractions are cut off where an integer is wanted, as AWS does.
pub(super) fn of_number(shape: &Shape, number: Number) -> Result<Value, Mismatch> {
    let read = match (shape, number) {
        (Shape::Integer(_), number) => {
            whole(number).filter(|whole| i32::try_from(*whole).is_ok()).map(Value::Integer)
        }
        (Shape::Long(_), number) => whole(number).map(Value::Integer),
        (Shape::Double, Number::Integer(number)) => Some(Value::Double(number as f64)),
        (Shape::Double, Number::Fraction(number)) if number.is_finite() => Some(Value::Double(number)),
        (Shape::Timestamp, Number::Integer(number)) => {
            Timestamp::from_seconds(number as f64).map(Value::Timestamp)
        }
        (Shape::Timestamp, Number::Fraction(number)) => Timestamp::from_seconds(number).map(Value::Timestamp),
        _ => None,
    };
    read.ok_or_else(|| misplaced(shape, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"))
}

fn whole(number: Number) -> Option<i64> {
    match number {
        Number::Integer(number) => Some(number),
        // Of doubles only those below 2^63 are 64-bit integers; NaN is none.
        Number::Fraction(number) => (number.abs() < 9_223_372_036_854_775_808.0).then_some(number as i64),
        Number::Beyond => None,
    }
}

fn boolean(text: &str) -> Result<Value, Mismatch> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(Value::Boolean(true)),
        "false" | "0" | "no" => Ok(Value::Boolean(false)),
        _ => Err(format!("'{}' can not be converted to an Boolean", cut(text).to_uppercase())),
    }
}

/// A list where the shape has none.
pub(super) fn list_misplaced() -> Mismatch {
    LIST.to_owned()
}

/// A structure or map where the shape has none.
pub(super) fn structure_misplaced() -> Mismatch {
    STRUCTURE.to_owned()
}

fn misplaced(shape: &Shape, found: &str) -> Mismatch {
    let wanted = match shape {
        Shape::List(_) => return "Expected list or null".to_owned(),
        Shape::Map(_) => return "Expected map or null".to_owned(),
        Shape::Structure(_) => return "Expected null".to_owned(),
        Shape::Text(_) => "an String",
        Shape::Blob(_) => "a Blob",
        Shape::Integer(_) => "an Integer",
        Shape::Long(_) => "an Long",
        Shape::Double => "an Double",
        Shape::Boolean => "an Boolean",
        Shape::Timestamp => "milliseconds since epoch",
    };
    format!("{found} can not be converted to {wanted}")
}
