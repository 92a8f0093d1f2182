//! What kinds of value a schema takes, and how to say so.

use crate::{
    topology::{document::Value, schema::Definitions},
    units::{ByteSize, Span},
};
use serde_json::{Map, Value as Json};

/// The shapes of which a value must have one.
pub(in crate::topology) fn alternatives(schema: &Map<String, Json>) -> Option<&[Json]> {
    let listed = schema.get("anyOf").or_else(|| schema.get("oneOf"))?;
    listed.as_array().map(Vec::as_slice)
}

/// Fields that must be given.
pub(in crate::topology) fn required(schema: &Map<String, Json>) -> Vec<&str> {
    schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect()
}

/// JSON's names of the kinds of value that a schema takes; empty when it takes all.
pub(in crate::topology) fn types(schema: &Map<String, Json>) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a schema takes this kind of value at all.
pub(in crate::topology) fn accepts(schema: &Map<String, Json>, value: &Value) -> bool {
    let types = types(schema);
    let any = |wanted: &[&str]| types.iter().any(|one| wanted.contains(one));
    types.is_empty()
        || match value {
            Value::Null => any(&["null"]),
            Value::Boolean(_) => any(&["boolean"]),
            Value::Integer(_) => any(&["integer", "number"]),
            Value::Number(_) => any(&["number"]),
            Value::Text(_) => any(&["string"]),
            Value::List(_) => any(&["array"]),
            Value::Table(_) => any(&["object"]),
        }
}

/// The whole numbers that a schema allows.
pub(in crate::topology) fn bounds(schema: &Map<String, Json>) -> Option<(i128, i128)> {
    let format = schema.get("format").and_then(Json::as_str)?;
    let (least, most) = match format {
        "uint8" => (0, i128::from(u8::MAX)),
        "uint16" => (0, i128::from(u16::MAX)),
        "uint32" => (0, i128::from(u32::MAX)),
        "uint64" | "uint" => (0, i128::from(u64::MAX)),
        _ => return None,
    };
    let stated = |key: &str| schema.get(key).and_then(Json::as_i64).map(i128::from);
    Some((stated("minimum").unwrap_or(least), stated("maximum").unwrap_or(most)))
}

/// What a text with a unit should look like, when it does not.
pub(in crate::topology) fn unit_fault(format: &str, text: &str) -> Option<String> {
    let refused = match format {
        "byte-size" => text.parse::<ByteSize>().err(),
        "span" => text.parse::<Span>().err(),
        _ => None,
    };
    refused.map(|error| error.expected.to_owned())
}

/// What a schema asks for, in words: `a size such as "64MiB"`, `a text or a table with node, where`.
pub(in crate::topology) fn describe(definitions: &Definitions, schema: &Map<String, Json>) -> String {
    if let Some(listed) = alternatives(schema) {
        let parts: Vec<&Map<String, Json>> =
            listed.iter().filter_map(|one| definitions.resolve(one).as_object()).collect();
        if parts.iter().all(|part| part.contains_key("const")) {
            return choice(parts.iter().filter_map(|part| part.get("const")?.as_str()));
        }
        let parts = parts.iter().filter(|part| types(part) != ["null"]);
        return parts.map(|part| describe(definitions, part)).collect::<Vec<_>>().join(" or ");
    }
    if let Some(allowed) = schema.get("enum").and_then(Json::as_array) {
        return choice(allowed.iter().filter_map(Json::as_str));
    }
    let kinds = types(schema);
    let kind = kinds.iter().find(|kind| **kind != "null").copied().unwrap_or_default();
    match (kind, schema.get("format").and_then(Json::as_str)) {
        ("string", Some(format)) => unit_fault(format, "").unwrap_or_else(|| "a text".to_owned()),
        ("string", None) => "a text".to_owned(),
        ("integer", _) => "a whole number".to_owned(),
        ("number", _) => "a number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("array", _) => match schema.get("items").and_then(|items| definitions.resolve(items).as_object()) {
            Some(items) => format!("a list, each item {}", describe(definitions, items)),
            None => "a list".to_owned(),
        },
        ("object", _) => match schema.get("properties").and_then(Json::as_object) {
            Some(fields) => format!("a table with {}", fields.keys().cloned().collect::<Vec<_>>().join(", ")),
            None => "a table".to_owned(),
        },
        _ => "a value".to_owned(),
    }
}

fn choice<'a>(values: impl Iterator<Item = &'a str>) -> String {
    format!("one of {}", values.map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", "))
}
