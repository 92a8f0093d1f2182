//! The typed tree to JSON.

use crate::wire::protocol::{Content, Output, Row, Rows, Timestamp, blob};

/// Appends the JSON of an output.
pub(in crate::wire::protocol) fn write(output: &Output, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    for (name, value) in &output.0 {
        content(value, object.field(name));
    }
    object.end();
}

/// A structure that is being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    is_first: bool,
}

impl<'o> Object<'o> {
    fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_first: true }
    }

    /// Begins a field: names of the service model need no escape.
    fn field(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.is_first { b"\"" } else { b",\"" });
        self.is_first = false;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

impl Row for Object<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        text(value, self.field(name));
    }

    fn blob(&mut self, name: &'static str, bytes: &[u8]) {
        base64(bytes, self.field(name));
    }

    fn timestamp(&mut self, name: &'static str, time: Timestamp) {
        json(&time.seconds(), self.field(name));
    }
}

fn rows(rows: &Rows, out: &mut Vec<u8>) {
    out.push(b'[');
    for place in 0..rows.count() {
        if place > 0 {
            out.push(b',');
        }
        let mut object = Object::begin(out);
        rows.tell(place, &mut object);
        object.end();
    }
    out.push(b']');
}

fn map(entries: &[(String, Content)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in entries.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(name, out);
        out.push(b':');
        content(value, out);
    }
    out.push(b'}');
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    blob::encode(bytes, out);
    out.push(b'"');
}

fn content(value: &Content, out: &mut Vec<u8>) {
    match value {
        Content::Text(value) => text(value, out),
        Content::Blob(bytes) => base64(bytes, out),
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
        Content::Rows(told) => rows(told, out),
        Content::Map(entries) => map(entries, out),
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
