//! Every field of a file as Markdown, from the schema that checks it.

mod kinds;

use super::{
    schema::Definitions,
    shape::{alternatives, required, types},
};
use crate::pipeline::Kind;
use kinds::{Field, Kinds};
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

/// The page of topology files.
pub fn reference() -> String {
    let definitions = Definitions::default();
    let heading = |kind: Kind| format!("[{}.NAME]", kind.name());
    let nodes =
        Kind::ALL.map(|kind| (heading(kind), format!("/properties/{}/additionalProperties", kind.name())));
    let whole = ("[topology]".to_owned(), "/properties/topology".to_owned());
    fields(OPENING, &definitions, std::iter::once(whole).chain(nodes))
}

/// A page with a table of fields for each heading and place in the schema.
pub fn fields(
    opening: &str,
    definitions: &Definitions,
    sections: impl IntoIterator<Item = (String, String)>,
) -> String {
    let mut page = opening.to_owned();
    for (heading, place) in sections {
        if let Some(part) = definitions.root().pointer(&place) {
            section(definitions, &heading, part, &mut page);
        }
    }
    page
}

fn section(definitions: &Definitions, heading: &str, part: &Json, page: &mut String) {
    let meaning = definitions.description(part).unwrap_or_default();
    let meaning = meaning.split_once(": ").map_or(meaning.as_str(), |(_, meaning)| meaning);
    let _ = writeln!(page, "\n## {heading}\n\n{}", upper_first(meaning));
    let Some(kinds) = Kinds::of(definitions, part) else {
        return table(definitions, fields_of(definitions, part), page);
    };
    table(definitions, kinds.shared(), page);
    for kind in &kinds.all {
        let _ = writeln!(page, "\n### {}\n\n{}", kind.name, kind.meaning);
        table(definitions, kinds.own(kind), page);
    }
}

fn table(definitions: &Definitions, fields: Vec<Field>, page: &mut String) {
    if !fields.is_empty() {
        let _ = writeln!(page, "\n| field | value | default | meaning |\n|---|---|---|---|");
        rows(definitions, fields, "", page);
    }
}

/// Fields of a table, or of whatever of its alternatives is one.
fn fields_of<'a>(definitions: &'a Definitions, part: &'a Json) -> Vec<Field<'a>> {
    let Some(schema) = definitions.resolve(part).as_object() else { return Vec::new() };
    if let Some(listed) = alternatives(schema) {
        return listed.iter().flat_map(|one| fields_of(definitions, one)).collect();
    }
    let needed = required(schema);
    let fields = schema.get("properties").and_then(Json::as_object).into_iter().flatten();
    let fields = fields.map(|(name, part)| Field { name, part, is_needed: needed.contains(&name.as_str()) });
    // What must be given comes first.
    let (first, rest): (Vec<_>, Vec<_>) = fields.partition(|field| field.is_needed);
    first.into_iter().chain(rest).collect()
}

fn rows(definitions: &Definitions, fields: Vec<Field>, prefix: &str, page: &mut String) {
    for Field { name, part, is_needed } in fields {
        let path = format!("{prefix}{name}");
        let default = match is_needed {
            true => "required".to_owned(),
            false => part.get("default").map(default).unwrap_or_default(),
        };
        let meaning = definitions.description(part).map(|text| without_default(&text, &default));
        let meaning = meaning.filter(|text| !text.is_empty());
        let meaning = meaning.or_else(|| definitions.description(definitions.resolve(part)));
        let kind = kind(definitions, part).replace('|', "\\|");
        let meaning = meaning.unwrap_or_default().replace('|', "\\|");
        let _ = writeln!(page, "| `{path}` | {kind} | {default} | {meaning} |");
        if let Some(kinds) = Kinds::of(definitions, part) {
            for kind in &kinds.all {
                let _ = writeln!(page, "| `{path}` | table with `{}` | | {} |", kind.name, kind.meaning);
                rows(definitions, kind.fields.clone(), &format!("{path}."), page);
            }
            continue;
        }
        for (inner, ending) in inner_tables(definitions, part) {
            rows(definitions, fields_of(definitions, inner), &format!("{path}{ending}"), page);
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
        let mut kinds: Vec<String> = kinds.map(|one| kind(definitions, one)).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if let Some(constant) = schema.get("const").and_then(Json::as_str) {
        return choice(&[constant]);
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
