//! The typed tree to JSON.

use crate::wire::protocol::{Content, Output, blob};

/// Appends the JSON of an output.
pub(in crate::wire::protocol) fn write(output: &Output, out: &mut Vec<u8>) {
    object(output.0.iter().map(|(name, value)| (*name, value)), out);
}

fn object<'o>(fields: impl Iterator<Item = (&'o str, &'o Content)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in fields.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(name, out);
        out.push(b':');
        content(value, out);
    }
    out.push(b'}');
}

fn content(value: &Content, out: &mut Vec<u8>) {
    match value {
        Content::Text(value) => text(value, out),
        Content::Blob(bytes) => {
            out.push(b'"');
            blob::encode(bytes, out);
            out.push(b'"');
        }
        Content::Integer(number) => json(number, out),
        Content::Double(number) => json(number, out),
        Content::Boolean(is) => json(is, out),
        Content::Timestamp(time) => json(&time.seconds(), out),
        Content::List(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                content(value, out);
            }
            out.push(b']');
        }
        Content::Map(entries) => object(entries.iter().map(|(key, value)| (key.as_str(), value)), out),
        Content::Structure(output) => write(output, out),
    }
}

/// Most texts are names and numbers: one look says that nothing in them needs an escape.
fn text(text: &str, out: &mut Vec<u8>) {
    let needs_escape = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    if text.bytes().fold(false, |found, byte| found | needs_escape(byte)) {
        return json(text, out);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn json<V: serde::Serialize + ?Sized>(value: &V, out: &mut Vec<u8>) {
    // Neither writing to memory nor these values fail.
    let _ = serde_json::to_writer(out, value);
}
