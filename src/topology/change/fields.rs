//! Which fields of a node differ, and what they touch.

use crate::{
    pipeline::Kind,
    topology::{PlannedNode, Section},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The fields in which two nodes of one kind differ, such as `scale.max`, in order. Tests of rules are
/// no part of what runs.
pub(super) fn changed_fields(running: &PlannedNode, wanted: &PlannedNode) -> Vec<String> {
    let mut fields = Vec::new();
    differing("", &written(&running.section), &written(&wanted.section), &mut fields);
    fields.retain(|field| !(wanted.kind == Kind::Loader && field == "test"));
    // What an edge leads to may differ although it is written alike.
    let planned = [("from", running.from != wanted.from), ("to", running.to != wanted.to)];
    for (name, differs) in planned {
        if differs && !fields.iter().any(|field| is_below(field, name)) {
            fields.push(name.to_owned());
        }
    }
    fields
}

/// The section as it could be written.
fn written(section: &Section) -> Value {
    let value = match section {
        Section::Ingress(section) => serde_json::to_value(section),
        Section::Stream(section) => serde_json::to_value(section),
        Section::Queue(section) => serde_json::to_value(section),
        Section::Workers(section) => serde_json::to_value(section),
        Section::Raw(section) => serde_json::to_value(section),
        Section::Loader(section) => serde_json::to_value(section),
    };
    value.unwrap_or_default()
}

fn differing(path: &str, one: &Value, other: &Value, fields: &mut Vec<String>) {
    let (Value::Object(left), Value::Object(right)) = (one, other) else {
        if one != other {
            fields.push(path.to_owned());
        }
        return;
    };
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let value = |side: &serde_json::Map<String, Value>| side.get(name).cloned().unwrap_or_default();
        differing(&path, &value(left), &value(right), fields);
    }
}

fn is_below(field: &str, name: &str) -> bool {
    field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A field that only says how many workers there are, when they come back, or how they are replaced.
pub(super) fn is_scaling(field: &str) -> bool {
    ["scale", "refresh", "restart"].iter().any(|name| is_below(field, name))
}

/// A field of a queue that its handle applies while messages flow.
pub(super) fn is_in_place(field: &str) -> bool {
    matches!(field, "visibility_timeout" | "retention" | "dead_letter.max_receives")
}

/// Nodes that others hold by a handle, which goes on by another definition.
pub(super) fn is_definition(kind: Kind) -> bool {
    matches!(kind, Kind::Stream | Kind::Queue)
}
