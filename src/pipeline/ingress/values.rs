//! A body becomes values: one JSON value, the items of a JSON array, or values one after another.
//! Each stays the exact bytes that were sent; nothing is built or copied.

use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};
use std::fmt;

/// One value of a body, or why it is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item<'b> {
    /// Where it begins in the body.
    pub offset: usize,
    pub value: Result<&'b [u8], String>,
}

/// Why a body has no records at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SplitError {
    #[error("the body is empty")]
    Empty,
    #[error("the body holds more than {limit} records")]
    TooMany { limit: usize },
    #[error("line {line}: the array is not valid JSON: {reason}")]
    Array { line: usize, reason: String },
}

/// Deepest nesting that is taken, as serde_json itself has it.
const DEEPEST: usize = 128;
/// Failed values that may be followed over the end of their line; bounds the work on hostile bodies.
const LONG_FAILURES: u32 = 8;

/// Splits a body into at most `max_records` values.
pub(super) fn split(body: &[u8], max_records: usize) -> Result<Vec<Item<'_>>, SplitError> {
    let start = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let start = skip_space(body, start);
    match body.get(start) {
        None => return Err(SplitError::Empty),
        Some(b'[') => {
            if let Some(items) = array(body, start, max_records)? {
                return Ok(items);
            }
        }
        Some(_) => {}
    }
    Sequence { body, max_records, items: Vec::new(), long_failures: 0 }.read(start)
}

fn skip_space(body: &[u8], from: usize) -> usize {
    let rest = body.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// Where the line after the one that holds `position` begins.
fn next_line(body: &[u8], position: usize) -> usize {
    let rest = body.get(position..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| position + end + 1)
}

/// The error's own words, without the place that serde_json adds.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// A value's bytes, unless it is nested too deeply.
fn taken(value: &RawValue) -> Result<&[u8], String> {
    let bytes = value.get().as_bytes();
    let opening = bytes.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    if opening > DEEPEST && depth(bytes) > DEEPEST {
        return Err(format!("nested more than {DEEPEST} deep"));
    }
    Ok(bytes)
}

/// How deeply valid JSON is nested.
fn depth(value: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in value {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The items of a body that is one array; `None` when more follows the array.
fn array(body: &[u8], start: usize, max_records: usize) -> Result<Option<Vec<Item<'_>>>, SplitError> {
    let text = body.get(start..).unwrap_or_default();
    let mut deserializer = Deserializer::from_slice(text);
    let values = match deserializer.deserialize_seq(Elements { max_records }) {
        Ok(values) => values,
        Err(error) if error.is_data() => return Err(SplitError::TooMany { limit: max_records }),
        Err(error) => {
            let line = Lines::new(body).line_at(start) + error.line().max(1) - 1;
            let reason = format!("{} (column {})", words(&error), error.column());
            return Err(SplitError::Array { line, reason });
        }
    };
    if deserializer.end().is_err() {
        return Ok(None);
    }
    if values.is_empty() {
        return Err(SplitError::Empty);
    }
    let place = |value: &RawValue| (value.get().as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
    Ok(Some(values.into_iter().map(|value| Item { offset: place(value), value: taken(value) }).collect()))
}

struct Elements {
    max_records: usize,
}

impl<'b> Visitor<'b> for Elements {
    type Value = Vec<&'b RawValue>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'b>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element::<&RawValue>()? {
            if values.len() == self.max_records {
                return Err(A::Error::custom("too many"));
            }
            values.push(value);
        }
        Ok(values)
    }
}

/// Values one after another, most often one on each line.
struct Sequence<'b> {
    body: &'b [u8],
    max_records: usize,
    items: Vec<Item<'b>>,
    long_failures: u32,
}

impl<'b> Sequence<'b> {
    fn read(mut self, start: usize) -> Result<Vec<Item<'b>>, SplitError> {
        let mut at = start;
        while at < self.body.len() {
            at = self.read_on(at)?;
        }
        Ok(self.items)
    }

    /// Reads values until one is faulty; answers where to go on.
    fn read_on(&mut self, start: usize) -> Result<usize, SplitError> {
        // Once too many faulty values ran over the end of their line, each line stands alone.
        let end =
            if self.long_failures < LONG_FAILURES { self.body.len() } else { next_line(self.body, start) };
        let text = self.body.get(start..end).unwrap_or_default();
        let mut values = Deserializer::from_slice(text).into_iter::<&RawValue>();
        loop {
            let from = start + values.byte_offset();
            match values.next() {
                None => return Ok(end),
                Some(Ok(value)) => {
                    let length = value.get().len();
                    let offset = start + values.byte_offset() - length;
                    self.push(Item { offset, value: taken(value) })?;
                }
                Some(Err(error)) => return self.fault(skip_space(self.body, from), &error),
            }
        }
    }

    /// Makes the whole line of a faulty value one fault, and answers where the next line begins.
    fn fault(&mut self, at: usize, error: &serde_json::Error) -> Result<usize, SplitError> {
        let before = self.body.get(..at).unwrap_or_default();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let next = next_line(self.body, at);
        let line = self.body.get(line_start..next).unwrap_or_default();
        // Read again alone: its own words and column, whatever the lines after it did to the parser.
        let alone = serde_json::from_slice::<&RawValue>(line).err();
        if alone.as_ref().is_some_and(serde_json::Error::is_eof) && error.line() > 1 {
            self.long_failures += 1;
        }
        let error = alone.as_ref().unwrap_or(error);
        let reason = format!("{} (column {})", words(error), error.column());
        while self.items.last().is_some_and(|item| item.offset >= line_start) {
            self.items.pop();
        }
        self.push(Item { offset: at, value: Err(reason) })?;
        Ok(next)
    }

    fn push(&mut self, item: Item<'b>) -> Result<(), SplitError> {
        if self.items.len() == self.max_records {
            return Err(SplitError::TooMany { limit: self.max_records });
        }
        self.items.push(item);
        Ok(())
    }
}

/// Turns offsets, in rising order, into line numbers from 1.
#[derive(Debug)]
pub(super) struct Lines<'b> {
    body: &'b [u8],
    counted: usize,
    line: usize,
}

impl<'b> Lines<'b> {
    pub(super) fn new(body: &'b [u8]) -> Self {
        Self { body, counted: 0, line: 1 }
    }

    pub(super) fn line_at(&mut self, offset: usize) -> usize {
        let passed = self.body.get(self.counted..offset).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.counted = self.counted.max(offset);
        self.line
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
