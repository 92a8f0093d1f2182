//! The typed tree to CBOR.

use crate::wire::protocol::{Content, Output, Row, Rows, Timestamp};
use ciborium_ll::{Encoder, Header, simple};

const TIME: u64 = 1;
/// Longest header: a type and 64 bits.
const HEADER: usize = 9;

/// Appends the CBOR of an output.
pub(in crate::wire::protocol) fn write(output: &Output, out: &mut Vec<u8>) {
    head(Header::Map(Some(output.0.len())), out);
    for (name, value) in &output.0 {
        text(name, out);
        content(value, out);
    }
}

fn content(value: &Content, out: &mut Vec<u8>) {
    match value {
        Content::Text(value) => text(value, out),
        Content::Blob(bytes) => blob(bytes, out),
        Content::Integer(number) => integer(*number, out),
        Content::Double(number) => head(Header::Float(*number), out),
        Content::Boolean(true) => head(Header::Simple(simple::TRUE), out),
        Content::Boolean(false) => head(Header::Simple(simple::FALSE), out),
        Content::Timestamp(time) => timestamp(*time, out),
        Content::List(values) => {
            head(Header::Array(Some(values.len())), out);
            values.iter().for_each(|value| content(value, out));
        }
        Content::Rows(told) => rows(told, out),
        Content::Map(entries) => {
            head(Header::Map(Some(entries.len())), out);
            for (key, value) in entries {
                text(key, out);
                content(value, out);
            }
        }
        Content::Structure(output) => write(output, out),
    }
}

/// A structure that is being written. A map says first how many fields it has: they are counted first.
struct Fields<'o> {
    out: &'o mut Vec<u8>,
    count: usize,
    is_counting: bool,
}

impl Fields<'_> {
    /// Begins a field; nothing while fields are counted.
    fn field(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        self.count += 1;
        if self.is_counting {
            return None;
        }
        text(name, self.out);
        Some(self.out)
    }
}

impl Row for Fields<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        if let Some(out) = self.field(name) {
            text(value, out);
        }
    }

    fn blob(&mut self, name: &'static str, bytes: &[u8]) {
        if let Some(out) = self.field(name) {
            blob(bytes, out);
        }
    }

    fn timestamp(&mut self, name: &'static str, time: Timestamp) {
        if let Some(out) = self.field(name) {
            timestamp(time, out);
        }
    }
}

fn rows(rows: &Rows, out: &mut Vec<u8>) {
    head(Header::Array(Some(rows.count())), out);
    for place in 0..rows.count() {
        let mut counted = Fields { out, count: 0, is_counting: true };
        rows.tell(place, &mut counted);
        let count = counted.count;
        head(Header::Map(Some(count)), out);
        rows.tell(place, &mut Fields { out, count: 0, is_counting: false });
    }
}

fn blob(bytes: &[u8], out: &mut Vec<u8>) {
    head(Header::Bytes(Some(bytes.len())), out);
    out.extend_from_slice(bytes);
}

fn timestamp(time: Timestamp, out: &mut Vec<u8>) {
    head(Header::Tag(TIME), out);
    integer(time.0, out);
}

fn integer(number: i64, out: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => head(Header::Positive(number), out),
        // The bits of a negative number are inverted.
        Err(_) => head(Header::Negative(number.unsigned_abs().wrapping_sub(1)), out),
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    head(Header::Text(Some(text.len())), out);
    out.extend_from_slice(text.as_bytes());
}

fn head(header: Header, out: &mut Vec<u8>) {
    let mut space = [0; HEADER];
    let mut rest = space.as_mut_slice();
    // Every header fits.
    let _ = Encoder::from(&mut rest).push(header);
    let length = HEADER - rest.len();
    out.extend_from_slice(space.get(..length).unwrap_or_default());
}
