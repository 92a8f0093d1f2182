//! Every field of a topology file as Markdown, from the schema that checks it.

use super::{
    schema::Definitions,
    shape::{alternatives, required, types},
};
use crate::pipeline::Kind;
use serde_json::{Map, Value as Json};
use std::fmt::Write as _;

const OPENING: &str = "\
# Fields of a topology file

A topology is TOML (or YAML): one table for each node, named by its kind and its name. Unknown fields are \
refused. Sizes and times carry their unit: `\"64MiB\"` (B, KB, MB, GB, KiB, MiB, GiB, TiB), `\"10s\"` (ms, s, \
m, h, d). `${NAME}` in a text stands for an environment variable, `$${` for a plain `${`.

Names of nodes are unique over all kinds: letters, digits, `.`, `_` and `-`, at most 128. They do not end in \
`.inbox` or `.quarantine`.

This page is what `caudal schema --markdown` prints; `caudal schema` prints the JSON Schema for editors.
";

/// The page.
pub fn reference() -> String {
    let definitions = Definitions::default();
    let mut page = OPENING.to_owned();
    section(&definitions, "[topology]", definitions.root().pointer("/properties/topology"), &mut page);
    for kind in Kind::ALL {
        let of = format!("/properties/{}/additionalProperties", kind.name());
        let heading = format!("[{}.NAME]", kind.name());
        section(&definitions, &heading, definitions.root().pointer(&of), &mut page);
    }
    page
}

fn section(definitions: &Definitions, heading: &str, part: Option<&Json>, page: &mut String) {
    let Some(part) = part else { return };
    let meaning = definitions.description(part).unwrap_or_default();
    let meaning = meaning.split_once(": ").map_or(meaning.as_str(), |(_, meaning)| meaning);
    let _ = writeln!(page, "\n## {heading}\n\n{}\n", upper_first(meaning));
    let _ = writeln!(page, "| field | value | default | meaning |\n|---|---|---|---|");
    rows(definitions, part, "", page);
}

fn rows(definitions: &Definitions, part: &Json, prefix: &str, page: &mut String) {
    let Some(schema) = definitions.resolve(part).as_object() else { return };
    let needed = required(schema);
    let Some(fields) = schema.get("properties").and_then(Json::as_object) else { return };
    // What must be given comes first.
    let (first, rest): (Vec<_>, Vec<_>) =
        fields.iter().partition(|(name, _)| needed.contains(&name.as_str()));
    for (name, field) in first.into_iter().chain(rest) {
        let path = format!("{prefix}{name}");
        let default = match needed.contains(&name.as_str()) {
            true => "required".to_owned(),
            false => field.get("default").map(default).unwrap_or_default(),
        };
        let meaning = definitions.description(field).map(|text| without_default(&text, &default));
        let meaning = meaning.filter(|text| !text.is_empty());
        let meaning = meaning.or_else(|| definitions.description(definitions.resolve(field)));
        let kind = kind(definitions, field).replace('|', "\\|");
        let meaning = meaning.unwrap_or_default().replace('|', "\\|");
        let _ = writeln!(page, "| `{path}` | {kind} | {default} | {meaning} |");
        for (inner, ending) in inner_tables(definitions, field) {
            rows(definitions, inner, &format!("{path}{ending}"), page);
        }
    }
}

/// Tables within a field, and how their fields are named: `limits.`, `reject[].`.
fn inner_tables<'a>(definitions: &'a Definitions, field: &'a Json) -> Vec<(&'a Json, &'static str)> {
    let Some(schema) = definitions.resolve(field).as_object() else { return Vec::new() };
    if let Some(listed) = alternatives(schema) {
        return listed.iter().flat_map(|one| inner_tables(definitions, one)).collect();
    }
    if schema.contains_key("properties") {
        return vec![(field, ".")];
    }
    let items = schema.get("items").map(|items| definitions.resolve(items));
    items.filter(|items| items.get("properties").is_some()).map(|items| (items, "[].")).into_iter().collect()
}

/// What a field takes, in few words.
fn kind(definitions: &Definitions, field: &Json) -> String {
    let Some(schema) = definitions.resolve(field).as_object() else { return "any value".to_owned() };
    if let Some(listed) = alternatives(schema) {
        let constants: Vec<&str> = listed.iter().filter_map(|one| one.get("const")?.as_str()).collect();
        if constants.len() == listed.len() {
            return choice(&constants);
        }
        let kinds = listed.iter().filter(|one| one.get("type").is_none_or(|kind| kind != "null"));
        return kinds.map(|one| kind(definitions, one)).collect::<Vec<_>>().join(" or ");
    }
    if let Some(allowed) = schema.get("enum").and_then(Json::as_array) {
        return choice(&allowed.iter().filter_map(Json::as_str).collect::<Vec<_>>());
    }
    kind_of_type(definitions, schema)
}

fn kind_of_type(definitions: &Definitions, schema: &Map<String, Json>) -> String {
    let name = types(schema).into_iter().find(|name| *name != "null").unwrap_or_default();
    match (name, schema.get("format").and_then(Json::as_str)) {
        ("string", Some("byte-size")) => "size".to_owned(),
        ("string", Some("span")) => "time".to_owned(),
        ("string", _) => "text".to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("number", _) => "number".to_owned(),
        ("boolean", _) => "`true` or `false`".to_owned(),
        ("object", _) => "table".to_owned(),
        ("array", _) => match schema.get("items") {
            Some(items) => format!("list of {}", kind(definitions, items)),
            None => "list".to_owned(),
        },
        _ => "any value".to_owned(),
    }
}

fn choice(values: &[&str]) -> String {
    values.iter().map(|value| format!("`\"{value}\"`")).collect::<Vec<_>>().join(" or ")
}

/// A default as it would be written; tables and lists show theirs field by field.
fn default(value: &Json) -> String {
    match value {
        Json::Null | Json::Object(_) | Json::Array(_) => String::new(),
        Json::String(text) => format!("`\"{text}\"`"),
        other => format!("`{other}`"),
    }
}

/// The column of defaults says it better than the sentence, when it says it.
fn without_default(meaning: &str, default: &str) -> String {
    if default.is_empty() {
        return meaning.to_owned();
    }
    let sentences = meaning.split_inclusive(". ").filter(|sentence| !sentence.starts_with("Default "));
    sentences.collect::<String>().trim_end().to_owned()
}

fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
