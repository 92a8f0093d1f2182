//! Tables of several kinds, told apart by one field: `kind = "trips"`.

use crate::topology::{
    document::{KeyPath, Node, Value},
    fault::{Faults, Problem},
    schema::Definitions,
    suggestion::closest,
};
use serde_json::{Map, Value as Json};

/// What a tagged table may be.
#[derive(Debug)]
pub(super) struct Tagged<'a> {
    field: &'a str,
    /// By the values of the field.
    kinds: Vec<(&'a str, &'a Json)>,
}

impl<'a> Tagged<'a> {
    /// Alternatives that all are tables with one field of a constant text; others are told apart otherwise.
    pub(super) fn of(definitions: &'a Definitions, alternatives: &'a [Json]) -> Option<Self> {
        let mut kinds = Vec::new();
        let mut named = None;
        for one in alternatives {
            let fields = definitions.resolve(one).get("properties").and_then(Json::as_object)?;
            let (field, constant) = fields.iter().find_map(constant)?;
            if named.is_some_and(|named| named != field) {
                return None;
            }
            named = Some(field);
            kinds.push((constant, one));
        }
        Some(Self { field: named?, kinds })
    }

    /// The shape that a table says it has; a fault when it says none or an unknown one.
    pub(super) fn choose(&self, node: &Node, path: &KeyPath, faults: &mut Faults<'_>) -> Option<&'a Json> {
        let known = || self.kinds.iter().map(|(name, _)| *name);
        let Some(entry) = node.as_table().and_then(|fields| fields.get(self.field)) else {
            let meaning = format!("one of {}", known().collect::<Vec<_>>().join(", "));
            let problem = Problem::MissingField { field: self.field.to_owned(), meaning: Some(meaning) };
            faults.add(path, &problem);
            return None;
        };
        let path = path.field(self.field);
        let Value::Text(text) = &entry.node.value else {
            let expected = format!("one of {}", known().collect::<Vec<_>>().join(", "));
            faults.add(&path, &Problem::WrongType { found: "this".to_owned(), expected });
            return None;
        };
        let chosen = self.kinds.iter().find(|(name, _)| *name == text.value);
        if chosen.is_none() {
            let suggestion = closest(&text.value, known());
            let allowed = known().map(str::to_owned).collect();
            faults.add(&path, &Problem::UnknownValue { value: text.written.clone(), suggestion, allowed });
        }
        chosen.map(|(_, schema)| *schema)
    }
}

fn constant<'a>((name, schema): (&'a String, &'a Json)) -> Option<(&'a str, &'a str)> {
    Some((name, schema.as_object().and_then(|schema: &Map<String, Json>| schema.get("const"))?.as_str()?))
}
