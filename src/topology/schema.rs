//! The JSON Schema of topology files, made from the types that read them, and how any schema is read.

use super::TopologySpec;
use serde_json::{Value as Json, json};

/// The schema as editors take it.
pub fn schema() -> Json {
    let mut schema = schemars::schema_for!(TopologySpec).to_value();
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("title".to_owned(), json!("A topology of Caudal"));
        fields.insert("description".to_owned(), json!("Nodes by kind and name, and what feeds what."));
    }
    schema
}

/// The schema with its named parts at hand.
#[derive(Debug, Clone)]
pub struct Definitions {
    schema: Json,
}

impl Default for Definitions {
    fn default() -> Self {
        Self::of(schema())
    }
}

impl Definitions {
    pub fn of(schema: Json) -> Self {
        Self { schema }
    }

    pub fn root(&self) -> &Json {
        &self.schema
    }

    /// The part that a reference names, or the part itself.
    pub fn resolve<'a>(&'a self, part: &'a Json) -> &'a Json {
        let mut found = part;
        while let Some(reference) = found.get("$ref").and_then(Json::as_str) {
            let Some(named) = reference.strip_prefix('#').and_then(|pointer| self.schema.pointer(pointer))
            else {
                break;
            };
            found = named;
        }
        found
    }

    /// The first sentence of what a field means.
    pub fn meaning(&self, part: &Json) -> Option<String> {
        let text = self.description(part)?;
        let first = text.split_inclusive(". ").next().unwrap_or_default();
        Some(first.trim_end_matches([' ', '.']).to_owned())
    }

    /// What a field means, on one line.
    pub fn description(&self, part: &Json) -> Option<String> {
        let text = part.get("description").or_else(|| self.resolve(part).get("description"))?.as_str()?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
