//! All constraints of a shape against what was read, told together in AWS's words.

use super::{Input, Length, List, Map, Range, ServiceError, Shape, Text, Value, rendering};
use std::fmt;

/// A longer text is held against its pattern only if no length is declared: it is refused anyway, and
/// matching takes time.
const LONGEST_MATCHED: usize = 64 << 10;
/// AWS tells no more at once.
const MOST_TOLD: usize = 10;

/// Holds the input against every constraint of its shape.
///
/// # Errors
/// A `ValidationException` with all violations, in the order of the shape.
pub(super) fn check(input: &Input) -> Result<(), ServiceError> {
    let mut violations = Vec::new();
    structure(input, None, &mut violations);
    violations.truncate(MOST_TOLD);
    let plural = match violations.len() {
        0 => return Ok(()),
        1 => "",
        _ => "s",
    };
    let told = violations.join("; ");
    Err(ServiceError::validation(format!("{} validation error{plural} detected: {told}", violations.len())))
}

/// Where a value lies, written only when it is told: `records.2.member.partitionKey`.
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

enum Step<'p> {
    Member(&'static str),
    /// Counted from 1.
    Item(usize),
    Key(&'p str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(out, "{parent}.")?;
        }
        match self.step {
            Step::Member(name) => out.write_str(&lower_camel_case(name)),
            Step::Item(place) => write!(out, "{place}.member"),
            Step::Key(key) => write!(out, "{}.member", rendering::cut(key)),
        }
    }
}

fn structure(input: &Input, parent: Option<&Path<'_>>, violations: &mut Vec<String>) {
    for (member, value) in input.fields() {
        if violations.len() >= MOST_TOLD {
            return;
        }
        let path = Path { parent, step: Step::Member(member.name) };
        match value {
            Some(value) => check_value(&member.shape, value, &path, violations),
            None if member.is_required && !member.unless.iter().any(|other| input.has(other)) => {
                violations.push(violation(None, &path, NOT_NULL))
            }
            None => {}
        }
    }
}

const NOT_NULL: &str = "Member must not be null";

fn check_value(shape: &Shape, value: &Value, path: &Path<'_>, violations: &mut Vec<String>) {
    let broken = constraints(shape, value);
    violations.extend(broken.iter().map(|constraint| violation(Some(value), path, constraint)));
    match (shape, value) {
        (Shape::Structure(_), Value::Structure(input)) => structure(input, Some(path), violations),
        (Shape::List(shape), Value::List(items)) => list(shape, value, items, path, violations),
        (Shape::Map(shape), Value::Map(entries)) => map(shape, value, entries, path, violations),
        _ => {}
    }
}

/// What the value itself breaks, in AWS's order.
fn constraints(shape: &Shape, value: &Value) -> Vec<String> {
    match (shape, value) {
        (Shape::Text(shape), Value::Text(text)) => text_constraints(shape, text, Order::Alone),
        (Shape::Blob(length), Value::Blob(bytes)) => length_constraints(*length, bytes.len()),
        (Shape::Integer(range) | Shape::Long(range), Value::Integer(number)) => {
            range_constraints(*range, *number)
        }
        (Shape::List(shape), Value::List(items)) => length_constraints(shape.length, items.len()),
        (Shape::Map(shape), Value::Map(entries)) => length_constraints(shape.length, entries.len()),
        _ => Vec::new(),
    }
}

/// AWS tells the pattern first of a text that stands alone, and last of one in a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Alone,
    Within,
}

fn text_constraints(shape: &Text, text: &str, order: Order) -> Vec<String> {
    let told = |pattern: &super::Pattern| {
        (!pattern.matches(text))
            .then(|| format!("Member must satisfy regular expression pattern: {}", pattern.text()))
    };
    let is_matched = text.len() <= LONGEST_MATCHED || shape.length.most.is_none();
    let pattern = shape.pattern.filter(|_| is_matched).and_then(told);
    // Java counts UTF-16 units.
    let length = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
    let lengths = length_constraints(shape.length, length);
    let choices = (!shape.choices.is_empty() && !shape.choices.contains(&text))
        .then(|| format!("Member must satisfy enum value set: [{}]", shape.choices.join(", ")));
    match order {
        Order::Alone => pattern.into_iter().chain(lengths).chain(choices).collect(),
        Order::Within => lengths.into_iter().chain(pattern).chain(choices).collect(),
    }
}

fn length_constraints(length: Length, found: usize) -> Vec<String> {
    let least = length.least.filter(|least| found < *least);
    let most = length.most.filter(|most| found > *most);
    let least = least.map(|least| format!("Member must have length greater than or equal to {least}"));
    let most = most.map(|most| format!("Member must have length less than or equal to {most}"));
    least.into_iter().chain(most).collect()
}

fn range_constraints(range: Range, found: i64) -> Vec<String> {
    let least = range.least.filter(|least| found < *least);
    let most = range.most.filter(|most| found > *most);
    let least = least.map(|least| format!("Member must have value greater than or equal to {least}"));
    let most = most.map(|most| format!("Member must have value less than or equal to {most}"));
    least.into_iter().chain(most).collect()
}

/// Texts in a list are told at the list, with every constraint on them; anything else at its own place.
fn list(shape: &List, whole: &Value, items: &[Option<Value>], path: &Path<'_>, violations: &mut Vec<String>) {
    if let Shape::Text(text) = &shape.member {
        let mut texts = items.iter().flatten().filter_map(Value::as_text);
        if texts.any(|item| !text_constraints(text, item, Order::Within).is_empty()) {
            let told = format!("Member must satisfy constraint: [{}]", declared(text));
            violations.push(violation(Some(whole), path, &told));
        }
    }
    for (at, item) in items.iter().enumerate() {
        if violations.len() >= MOST_TOLD {
            return;
        }
        let path = Path { parent: Some(path), step: Step::Item(at + 1) };
        match item {
            None => violations.push(violation(None, &path, NOT_NULL)),
            Some(_) if matches!(shape.member, Shape::Text(_)) => {}
            Some(item) => check_value(&shape.member, item, &path, violations),
        }
    }
}

fn map(
    shape: &Map,
    whole: &Value,
    entries: &[(String, Option<Value>)],
    path: &Path<'_>,
    violations: &mut Vec<String>,
) {
    if entries.iter().any(|(key, _)| !text_constraints(&shape.key, key, Order::Within).is_empty()) {
        let told = format!("Map keys must satisfy constraint: [{}]", declared(&shape.key));
        violations.push(violation(Some(whole), path, &told));
    }
    if let Shape::Text(text) = &shape.value {
        let mut values = entries.iter().filter_map(|(_, value)| value.as_ref()?.as_text());
        if values.any(|value| !text_constraints(text, value, Order::Within).is_empty()) {
            let told = format!("Map value must satisfy constraint: [{}]", declared(text));
            violations.push(violation(Some(whole), path, &told));
        }
    }
    for (key, value) in entries {
        let path = Path { parent: Some(path), step: Step::Key(key) };
        match value {
            None => violations.push(violation(None, &path, NOT_NULL)),
            Some(_) if matches!(shape.value, Shape::Text(_)) => {}
            Some(value) => check_value(&shape.value, value, &path, violations),
        }
    }
}

/// Every constraint on a text in a list, kept or not.
fn declared(shape: &Text) -> String {
    let most = shape.length.most.map(|most| format!("Member must have length less than or equal to {most}"));
    let least =
        shape.length.least.map(|least| format!("Member must have length greater than or equal to {least}"));
    let pattern = shape
        .pattern
        .map(|pattern| format!("Member must satisfy regular expression pattern: {}", pattern.text()));
    let choices = (!shape.choices.is_empty())
        .then(|| format!("Member must satisfy enum value set: [{}]", shape.choices.join(", ")));
    [most, least, pattern, choices].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn violation(value: Option<&Value>, path: &Path<'_>, constraint: &str) -> String {
    let shown = value.map_or_else(|| "null".to_owned(), |value| format!("'{}'", rendering::of(value)));
    format!("Value {shown} at '{path}' failed to satisfy constraint: {constraint}")
}

/// `streamName` for `StreamName`, `streamARN` for `StreamARN`.
fn lower_camel_case(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
