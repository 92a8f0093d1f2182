//! The typed tree to JSON.

use crate::wire::protocol::{
    Content, Name, Output, Row, Rows, Timestamp,
    decimal::{Digits, Seconds},
    sink::Sink,
};

/// Appends the JSON of an output.
pub(in crate::wire::protocol) fn write(output: &Output, out: &mut impl Sink) {
    let mut object = Object::begin(out);
    for (name, value) in &output.0 {
        content(value, object.field(name));
    }
    object.end();
}

/// Appends one structure of a list, with the comma before it.
pub(in crate::wire::protocol) fn write_row(rows: &Rows, place: usize, out: &mut impl Sink) {
    if place > 0 {
        out.byte(b',');
    }
    let mut object = Object::begin(out);
    rows.tell(place, &mut object);
    object.end();
}

/// A structure that is being written.
struct Object<'o, S> {
    out: &'o mut S,
    is_first: bool,
}

impl<'o, S: Sink> Object<'o, S> {
    fn begin(out: &'o mut S) -> Self {
        out.byte(b'{');
        Self { out, is_first: true }
    }

    /// What stands before a value in quotes: names of the service model need no escape.
    fn head(&mut self, name: &'static Name) -> &'static str {
        let comma = usize::from(!std::mem::take(&mut self.is_first));
        name.quoted.get(1 - comma..).unwrap_or_default()
    }

    /// Begins a field whose value stands in quotes, the first of which is put.
    fn quoted(&mut self, name: &'static Name) -> &mut S {
        let head = self.head(name);
        self.out.put(head.as_bytes());
        self.out
    }

    /// Begins a field whose value says itself what it is.
    fn bare(&mut self, name: &'static Name) -> &mut S {
        let head = self.head(name);
        self.out.put(head.as_bytes().get(..head.len() - 1).unwrap_or_default());
        self.out
    }

    fn field(&mut self, name: &str) -> &mut S {
        self.out.put(if std::mem::take(&mut self.is_first) { b"\"" } else { b",\"" });
        self.out.put(name.as_bytes());
        self.out.put(b"\":");
        self.out
    }

    fn end(self) {
        self.out.byte(b'}');
    }
}

impl<S: Sink> Row for Object<'_, S> {
    fn text(&mut self, name: &'static Name, value: &str) {
        if needs_escapes(value) {
            return json(value, self.bare(name));
        }
        let out = self.quoted(name);
        out.put(value.as_bytes());
        out.byte(b'"');
    }

    fn number(&mut self, name: &'static Name, length: usize, digits: &dyn Fn() -> Digits) {
        let out = self.quoted(name);
        out.digits(length, digits);
        out.byte(b'"');
    }

    fn blob(&mut self, name: &'static Name, bytes: &[u8]) {
        let out = self.quoted(name);
        out.base64(bytes);
        out.byte(b'"');
    }

    fn timestamp(&mut self, name: &'static Name, time: Timestamp) {
        timestamp(time, self.bare(name));
    }
}

fn rows(rows: &Rows, out: &mut impl Sink) {
    out.byte(b'[');
    if !out.keeps(rows) {
        (0..rows.count()).for_each(|place| write_row(rows, place, out));
    }
    out.byte(b']');
}

fn map(entries: &[(String, Content)], out: &mut impl Sink) {
    out.byte(b'{');
    for (at, (name, value)) in entries.iter().enumerate() {
        if at > 0 {
            out.byte(b',');
        }
        text(name, out);
        out.byte(b':');
        content(value, out);
    }
    out.byte(b'}');
}

fn base64(bytes: &[u8], out: &mut impl Sink) {
    out.byte(b'"');
    out.base64(bytes);
    out.byte(b'"');
}

fn content(value: &Content, out: &mut impl Sink) {
    match value {
        Content::Text(value) => text(value, out),
        Content::Blob(bytes) => base64(bytes, out),
        Content::Integer(number) => json(number, out),
        Content::Double(number) => json(number, out),
        Content::Boolean(is) => json(is, out),
        Content::Timestamp(time) => timestamp(*time, out),
        Content::List(values) => {
            out.byte(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.byte(b',');
                }
                content(value, out);
            }
            out.byte(b']');
        }
        Content::Rows(told) => rows(told, out),
        Content::Map(entries) => map(entries, out),
        Content::Structure(output) => write(output, out),
    }
}

/// Most texts are names and numbers: one look says that nothing in them needs an escape.
fn needs_escapes(text: &str) -> bool {
    let needs_escape = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    text.bytes().fold(false, |found, byte| found | needs_escape(byte))
}

fn text(text: &str, out: &mut impl Sink) {
    if needs_escapes(text) {
        return json(text, out);
    }
    out.byte(b'"');
    out.put(text.as_bytes());
    out.byte(b'"');
}

fn timestamp(time: Timestamp, out: &mut impl Sink) {
    match Seconds::of(time) {
        Some(seconds) => out.put(seconds.as_bytes()),
        None => json(&time.seconds(), out),
    }
}

fn json<V: serde::Serialize + ?Sized>(value: &V, out: &mut impl Sink) {
    // Writing these values to memory does not fail.
    out.put(&serde_json::to_vec(value).unwrap_or_default());
}
