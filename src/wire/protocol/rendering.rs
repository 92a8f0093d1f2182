//! Values as AWS shows them in its messages: by Java's `toString`.

use super::{Input, Value};
use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

/// What is longer is cut off there, in bytes: no answer sends a large request back to its sender.
const LONGEST: usize = 16 << 10;

pub(super) fn of(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out.truncate(cut(&out).len());
    out
}

/// The beginning of a text that is as long as may be shown.
pub(super) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

/// Appends a value, or enough of it.
fn write(value: &Value, out: &mut String) {
    // Writing to a string does not fail.
    let _ = match value {
        Value::Text(text) => out.write_str(cut(text)),
        Value::Blob(bytes) => write!(out, "java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", bytes.len()),
        Value::Integer(number) => write!(out, "{number}"),
        // Java writes a fraction always.
        Value::Double(number) => write!(out, "{number:?}"),
        Value::Boolean(is) => write!(out, "{is}"),
        Value::Timestamp(time) => write!(out, "{}", time.0),
        Value::List(items) => {
            out.push('[');
            separated(items.iter(), out, |item, out| write_or_null(item.as_ref(), out));
            out.write_str("]")
        }
        Value::Map(entries) => {
            out.push('{');
            separated(entries.iter(), out, |(key, value), out| {
                out.push_str(cut(key));
                out.push('=');
                write_or_null(value.as_ref(), out);
            });
            out.write_str("}")
        }
        Value::Structure(input) => write!(out, "{}@{:x}", input.shape().name, hash(input)),
    };
}

/// Appends values with commas between, until there is enough.
fn separated<T>(values: impl Iterator<Item = T>, out: &mut String, mut write: impl FnMut(T, &mut String)) {
    for (at, value) in values.enumerate() {
        if out.len() > LONGEST {
            return;
        }
        if at > 0 {
            out.push_str(", ");
        }
        write(value, out);
    }
}

fn write_or_null(value: Option<&Value>, out: &mut String) {
    match value {
        Some(value) => write(value, out),
        None => out.push_str("null"),
    }
}

/// Java's default is the class and a hash of the object.
fn hash(input: &Input) -> u64 {
    let mut hasher = DefaultHasher::new();
    input.shape().name.hash(&mut hasher);
    for (_, value) in input.fields() {
        value.map_or_else(|| "null".to_owned(), of).hash(&mut hasher);
    }
    hasher.finish() >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_large_value_is_short() {
        let text = Value::Text("\u{e9}".repeat(1 << 20));
        let list = Value::List(vec![Some(text.clone()), None, Some(Value::Integer(7))]);
        let map = Value::Map(vec![("k".repeat(1 << 20), Some(list.clone()))]);
        for value in [&text, &list, &map, &Value::List(vec![None; 100_000])] {
            let shown = of(value);
            assert!(shown.len() <= LONGEST && shown.len() > LONGEST - 8, "{}", shown.len());
        }
        assert_eq!(of(&Value::List(vec![Some(Value::Integer(7)), None])), "[7, null]");
    }
}
