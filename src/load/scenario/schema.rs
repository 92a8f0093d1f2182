//! The JSON Schema of scenario files, made from the types that read them.

use super::Scenario;
use serde_json::{Map, Value as Json, json};

/// The schema as editors take it.
pub fn schema() -> Json {
    let mut schema = schemars::schema_for!(Scenario).to_value();
    join_kinds(&mut schema);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("title".to_owned(), json!("A load test of Caudal"));
    }
    schema
}

/// A table that has fields of its own beside those of its kind (a fault) becomes one table for each kind, which
/// takes no other field: so each kind is checked, and told, as a whole.
fn join_kinds(part: &mut Json) {
    match part {
        Json::Array(items) => items.iter_mut().for_each(join_kinds),
        Json::Object(fields) => {
            fields.values_mut().for_each(join_kinds);
            if fields.contains_key("properties") && fields.contains_key("oneOf") {
                hand_down(fields);
            }
        }
        _ => {}
    }
}

fn hand_down(table: &mut Map<String, Json>) {
    let own = table.remove("properties").unwrap_or_default();
    let needed = table.remove("required").unwrap_or_else(|| json!([]));
    table.remove("type");
    let kinds = table.get_mut("oneOf").and_then(Json::as_array_mut);
    for kind in kinds.into_iter().flatten().filter_map(Json::as_object_mut) {
        if let (Some(own), Some(fields)) =
            (own.as_object(), kind.get_mut("properties").and_then(Json::as_object_mut))
        {
            fields.extend(own.clone());
        }
        let required = kind.entry("required").or_insert_with(|| json!([]));
        if let (Some(required), Some(needed)) = (required.as_array_mut(), needed.as_array()) {
            required.extend(needed.iter().cloned());
        }
        kind.insert("additionalProperties".to_owned(), json!(false));
    }
}
