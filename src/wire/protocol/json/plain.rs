//! JSON to the typed tree as clients write it: no escapes in blobs, nothing that the shape has not, every
//! value of its type. It is read where it lies, in one pass. Whatever is not so is left to `reader`, which
//! knows what to say of it: what is read here, it reads alike.

use crate::wire::protocol::{
    Input, List, Shape, Structure, Value,
    blob::Arena,
    budget::Budget,
    scalar::{self, Number},
};

/// Digits of a number that surely has at most 64 bits.
const MOST_DIGITS: usize = 18;

/// Reads a body; `None` for what is not plain.
pub(super) fn read(shape: &'static Structure, body: &[u8]) -> Option<Input> {
    let mut reading = Plain { rest: body, arena: None, budget: Budget::new() };
    let input = reading.structure(shape)?;
    reading.blank();
    reading.rest.is_empty().then_some(input)
}

struct Plain<'b> {
    rest: &'b [u8],
    /// Made for the first blob.
    arena: Option<Arena>,
    budget: Budget,
}

impl<'b> Plain<'b> {
    fn blank(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Passes a character, with blanks before it.
    fn pass(&mut self, wanted: u8) -> Option<()> {
        self.blank();
        match self.rest {
            [found, rest @ ..] if *found == wanted => {
                self.rest = rest;
                Some(())
            }
            _ => None,
        }
    }

    /// Whether a list or structure goes on: a comma or its end is next.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        match self.pass(b',') {
            Some(()) => Some(true),
            None => self.pass(end).map(|()| false),
        }
    }

    /// Whether a list or structure ends at once.
    fn is_empty(&mut self, end: u8) -> bool {
        self.pass(end).is_some()
    }

    /// What stands in quotes, as it is written; `true` when it has escapes.
    fn quoted(&mut self) -> Option<(&'b [u8], bool)> {
        let (text, mut length, mut has_escapes) = (self.rest, 0, false);
        loop {
            match text.get(length..)? {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return Some((text.get(..length)?, has_escapes));
                }
                [b'\\', _, ..] => {
                    has_escapes = true;
                    length += 2;
                }
                [byte, ..] if *byte >= b' ' => length += 1,
                _ => return None,
            }
        }
    }

    fn structure(&mut self, shape: &'static Structure) -> Option<Input> {
        self.pass(b'{')?;
        self.budget.take(shape.members.len()).ok()?;
        let mut input = Input::empty(shape);
        if self.is_empty(b'}') {
            return Some(input);
        }
        loop {
            self.pass(b'"')?;
            let (name, _) = self.quoted()?;
            let at = shape.members.iter().position(|member| member.name.as_bytes() == name)?;
            self.pass(b':')?;
            let value = self.value(&shape.members.get(at)?.shape)?;
            input.put(at, Some(value));
            if !self.goes_on(b'}')? {
                return Some(input);
            }
        }
    }

    fn value(&mut self, shape: &'static Shape) -> Option<Value> {
        self.budget.take(1).ok()?;
        self.blank();
        match shape {
            Shape::Text(_) => self.text().map(Value::Text),
            Shape::Blob(_) => self.blob(),
            Shape::Integer(_) | Shape::Long(_) => self.number(shape),
            Shape::Boolean => self.boolean(),
            Shape::List(shape) => self.list(shape),
            Shape::Structure(shape) => self.structure(shape).map(Value::Structure),
            Shape::Double | Shape::Timestamp | Shape::Map(_) => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        self.pass(b'"')?;
        let whole = self.rest;
        let (text, has_escapes) = self.quoted()?;
        if !has_escapes {
            return std::str::from_utf8(text).ok().map(str::to_owned);
        }
        let quoted = [b"\"", whole.get(..=text.len())?].concat();
        serde_json::from_slice(&quoted).ok()
    }

    fn blob(&mut self) -> Option<Value> {
        self.pass(b'"')?;
        let text = self.rest;
        let arena = self.arena.get_or_insert_with(|| Arena::of_body(text.len()));
        let (blob, rest) = arena.take(text)?;
        self.rest = rest;
        Some(Value::Blob(blob))
    }

    fn number(&mut self, shape: &Shape) -> Option<Value> {
        let (is_negative, text) = match self.rest {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = text.split_at_checked(length)?;
        let is_plain = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && length <= MOST_DIGITS;
        let is_whole = matches!(rest, [b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t', ..]);
        if !is_plain || !is_whole || (is_negative && digits == b"0") {
            return None;
        }
        let number = digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        self.rest = rest;
        scalar::of_number(shape, Number::Integer(if is_negative { -number } else { number })).ok()
    }

    fn boolean(&mut self) -> Option<Value> {
        let (is, rest) = match self.rest {
            [b't', b'r', b'u', b'e', rest @ ..] => (true, rest),
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => (false, rest),
            _ => return None,
        };
        self.rest = rest;
        Some(Value::Boolean(is))
    }

    fn list(&mut self, shape: &'static List) -> Option<Value> {
        self.pass(b'[')?;
        let mut values = Vec::new();
        if self.is_empty(b']') {
            return Some(Value::List(values));
        }
        loop {
            values.push(Some(self.value(&shape.member)?));
            if !self.goes_on(b']')? {
                return Some(Value::List(values));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protocol::{Length, Member, Range, Text, json::reader};
    use proptest::prelude::*;

    static RECORD: Structure = Structure::new(
        "Record",
        &[
            Member::required("Data", Shape::Blob(Length::ANY)),
            Member::required("Key", Shape::Text(Text::ANY)),
        ],
    );
    static RECORDS: List = List { length: Length::ANY, member: Shape::Structure(&RECORD) };
    static REQUEST: Structure = Structure::new(
        "Request",
        &[
            Member::optional("Records", Shape::List(&RECORDS)),
            Member::optional("Name", Shape::TEXT),
            Member::optional("Limit", Shape::Integer(Range::ANY)),
            Member::optional("Dry", Shape::Boolean),
        ],
    );
    const PLAIN: &str = r#" {"Records": [{"Data":"aGVsbG8gd29ybGQgaGVsbG8=","Key":"k\u00e9y"},
        {"Key":"é","Data":""}, {}], "Limit":-120,"Name" : "trips","Dry":false } "#;

    #[test]
    fn what_clients_write_is_read_without_the_other_reader() {
        let input = read(&REQUEST, PLAIN.as_bytes()).unwrap();
        assert_eq!(reader::read(&REQUEST, PLAIN.as_bytes()), Ok(input.clone()));
        let records: Vec<_> = input.structures("Records").collect();
        assert_eq!(records[0].blob("Data").unwrap().as_ref(), b"hello world hello");
        assert_eq!((records[0].text("Key"), records[1].text("Key")), (Some("kéy"), Some("é")));
        assert_eq!((input.integer("Limit"), input.boolean("Dry")), (Some(-120), Some(false)));
    }

    proptest! {
        /// A few letters of a plain request are replaced, put in or left out.
        #[test]
        fn whatever_is_read_here_is_read_alike_there(
            changes in prop::collection::vec((0..PLAIN.len(), 0..3, "[ \"\\\\{}:,\\[\\]=+/0-9a-zA-Zé\n-]"), 0..4)
        ) {
            let mut body = PLAIN.as_bytes().to_vec();
            for (at, kind, letter) in changes {
                let at = at.min(body.len());
                let end = if kind == 0 { at } else { (at + 1).min(body.len()) };
                let put = if kind == 2 { &[] } else { letter.as_bytes() };
                body.splice(at..end, put.iter().copied());
            }
            if let Some(input) = read(&REQUEST, &body) {
                prop_assert_eq!(reader::read(&REQUEST, &body), Ok(input));
            }
        }
    }
}
