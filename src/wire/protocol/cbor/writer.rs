//! The typed tree to CBOR.

use crate::wire::protocol::{Content, Name, Output, Row, Rows, Timestamp, decimal::Digits, sink::Sink};
use ciborium_ll::{Encoder, Header};

/// Major types, as the upper three bits of an item's first byte (RFC 8949, section 3.1).
const POSITIVE: u8 = 0 << 5;
const NEGATIVE: u8 = 1 << 5;
const BYTES: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const ARRAY: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const TAG: u8 = 6 << 5;
/// The tag of a time (RFC 8949, section 3.4.2).
const TIME: u64 = 1;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
/// Counts below this lie in an item's first byte.
const SHORT: u8 = 24;
/// Longest header of a number with a fraction: a type and 64 bits.
const FLOAT: usize = 9;

/// Appends the CBOR of an output.
pub(in crate::wire::protocol) fn write(output: &Output, out: &mut impl Sink) {
    counted(MAP, output.0.len(), out);
    for (name, value) in &output.0 {
        text(name, out);
        content(value, out);
    }
}

fn content(value: &Content, out: &mut impl Sink) {
    match value {
        Content::Text(value) => text(value, out),
        Content::Blob(bytes) => blob(bytes, out),
        Content::Integer(number) => integer(*number, out),
        Content::Double(number) => float(*number, out),
        Content::Boolean(true) => out.byte(TRUE),
        Content::Boolean(false) => out.byte(FALSE),
        Content::Timestamp(time) => timestamp(*time, out),
        Content::List(values) => {
            counted(ARRAY, values.len(), out);
            values.iter().for_each(|value| content(value, out));
        }
        Content::Rows(told) => rows(told, out),
        Content::Map(entries) => {
            counted(MAP, entries.len(), out);
            for (key, value) in entries {
                text(key, out);
                content(value, out);
            }
        }
        Content::Structure(output) => write(output, out),
    }
}

/// A structure that is being written.
struct Fields<'o, S> {
    out: &'o mut S,
    count: usize,
}

impl<S: Sink> Fields<'_, S> {
    fn field(&mut self, name: &'static Name) -> &mut S {
        self.count += 1;
        text(name.text, self.out);
        self.out
    }
}

impl<S: Sink> Row for Fields<'_, S> {
    fn text(&mut self, name: &'static Name, value: &str) {
        text(value, self.field(name));
    }

    fn number(&mut self, name: &'static Name, length: usize, digits: &dyn Fn() -> Digits) {
        let out = self.field(name);
        counted(TEXT, length, out);
        out.digits(length, digits);
    }

    fn blob(&mut self, name: &'static Name, bytes: &[u8]) {
        blob(bytes, self.field(name));
    }

    fn timestamp(&mut self, name: &'static Name, time: Timestamp) {
        timestamp(time, self.field(name));
    }
}

fn rows(rows: &Rows, out: &mut impl Sink) {
    counted(ARRAY, rows.count(), out);
    if !out.keeps(rows) {
        (0..rows.count()).for_each(|place| write_row(rows, place, out));
    }
}

/// Appends one structure of a list. A map says first how many fields it has, which is known last: the head
/// is put right then.
pub(in crate::wire::protocol) fn write_row(rows: &Rows, place: usize, out: &mut impl Sink) {
    let begin = out.written();
    out.byte(MAP);
    let mut fields = Fields { out, count: 0 };
    rows.tell(place, &mut fields);
    let count = fields.count;
    match u8::try_from(count) {
        Ok(short @ 0..SHORT) => out.replace(begin, &[MAP | short]),
        _ => {
            let mut head = Vec::new();
            counted(MAP, count, &mut head);
            out.replace(begin, &head);
        }
    }
}

fn blob(bytes: &[u8], out: &mut impl Sink) {
    counted(BYTES, bytes.len(), out);
    out.put(bytes);
}

fn timestamp(time: Timestamp, out: &mut impl Sink) {
    head(TAG, TIME, out);
    integer(time.0, out);
}

fn integer(number: i64, out: &mut impl Sink) {
    match u64::try_from(number) {
        Ok(number) => head(POSITIVE, number, out),
        // The bits of a negative number are inverted.
        Err(_) => head(NEGATIVE, number.unsigned_abs().wrapping_sub(1), out),
    }
}

fn text(text: &str, out: &mut impl Sink) {
    counted(TEXT, text.len(), out);
    out.put(text.as_bytes());
}

fn float(number: f64, out: &mut impl Sink) {
    let mut space = [0; FLOAT];
    let mut rest = space.as_mut_slice();
    // Every header fits.
    let _ = Encoder::from(&mut rest).push(Header::Float(number));
    let length = FLOAT - rest.len();
    out.put(space.get(..length).unwrap_or_default());
}

/// The head of an item with so many parts.
fn counted(kind: u8, count: usize, out: &mut impl Sink) {
    head(kind, count as u64, out);
}

/// A type and a number in as few bytes as hold it (RFC 8949, section 4.2.1).
fn head(kind: u8, number: u64, out: &mut impl Sink) {
    let bytes = number.to_be_bytes();
    let (code, length) = match u8::try_from(number) {
        Ok(short @ 0..SHORT) => (short, 0),
        Ok(_) => (24, 1),
        Err(_) if number <= u64::from(u16::MAX) => (25, 2),
        Err(_) if number <= u64::from(u32::MAX) => (26, 4),
        Err(_) => (27, 8),
    };
    out.byte(kind | code);
    out.put(bytes.get(bytes.len() - length..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protocol::name;

    #[test]
    fn heads_are_written_as_the_library_writes_them() {
        let edges = [0, 1, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, u64::MAX];
        for number in edges {
            for (kind, header) in [
                (POSITIVE, Header::Positive(number)),
                (NEGATIVE, Header::Negative(number)),
                (TAG, Header::Tag(number)),
                (BYTES, Header::Bytes(Some(number as usize))),
                (TEXT, Header::Text(Some(number as usize))),
                (ARRAY, Header::Array(Some(number as usize))),
                (MAP, Header::Map(Some(number as usize))),
            ] {
                let (mut ours, mut theirs) = (Vec::new(), [0; FLOAT]);
                head(kind, number, &mut ours);
                let mut rest = theirs.as_mut_slice();
                Encoder::from(&mut rest).push(header).unwrap();
                let length = FLOAT - rest.len();
                assert_eq!(ours, theirs[..length], "{header:?}");
            }
        }
    }

    struct Wide(usize);

    impl crate::wire::Tell for Wide {
        fn count(&self) -> usize {
            2
        }

        fn size_hint(&self) -> usize {
            0
        }

        fn tell(&self, _place: usize, row: &mut dyn Row) {
            (0..self.0).for_each(|_| row.text(name!("a"), "b"));
        }
    }

    #[test]
    fn rows_of_any_width_say_how_wide_they_are() {
        for width in [0, 23, 24, 300] {
            let mut out = Vec::new();
            rows(&Rows::new(Wide(width)), &mut out);
            let mut expected = Vec::new();
            counted(ARRAY, 2, &mut expected);
            for _ in 0..2 {
                counted(MAP, width, &mut expected);
                (0..width).for_each(|_| expected.extend([TEXT | 1, b'a', TEXT | 1, b'b']));
            }
            assert_eq!(out, expected, "{width}");
        }
    }
}
