//! Whether values have the shape that the schema asks for: all departures at once, each with its
//! place. What departs is left out of the tree that is handed on, so that the rest can be checked.

use super::{
    kinds::{accepts, alternatives, bounds, describe, required, types, unit_fault},
    tagged::Tagged,
};
use crate::topology::{
    document::{Entry, KeyPath, Node, Text, Value},
    fault::{Faults, Problem},
    schema::Definitions,
    suggestion::closest,
};
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

/// What is left of a file once every departure from the schema is taken out.
#[derive(Debug)]
pub struct Shaped {
    pub tree: Node,
    /// Fields that were taken out, by path.
    pub removed: Vec<KeyPath>,
}

/// Examines the whole tree against a schema.
pub fn examine(definitions: &Definitions, root: &Node, faults: &mut Faults<'_>) -> Shaped {
    let mut examiner = Examiner { definitions, faults, removed: Vec::new() };
    let path = KeyPath::default();
    let tree = examiner.node(definitions.root(), root, &path);
    let empty = Node { value: Value::Table(IndexMap::new()), position: root.position };
    Shaped { tree: tree.unwrap_or(empty), removed: examiner.removed }
}

struct Examiner<'a, 'f> {
    definitions: &'a Definitions,
    faults: &'a mut Faults<'f>,
    removed: Vec<KeyPath>,
}

impl<'a> Examiner<'a, '_> {
    /// The node as far as it can be used; nothing when it cannot.
    fn node(&mut self, schema: &'a Json, node: &Node, path: &KeyPath) -> Option<Node> {
        if matches!(node.value, Value::Text(_)) && self.faults.is_unresolved(path) {
            return None;
        }
        let schema = self.definitions.resolve(schema);
        let Some(schema) = schema.as_object() else { return Some(node.clone()) };
        if let Some(alternatives) = alternatives(schema) {
            return self.alternative(schema, alternatives, node, path);
        }
        if let Some(node) = self.read_from_environment(schema, node) {
            return self.node_of_type(schema, &node, path);
        }
        self.node_of_type(schema, node, path)
    }

    fn node_of_type(&mut self, schema: &'a Map<String, Json>, node: &Node, path: &KeyPath) -> Option<Node> {
        if node.value == Value::Null && types(schema) == ["object"] {
            // YAML writes a node that says nothing as `events:`.
            return self.table(schema, &IndexMap::new(), node, path);
        }
        if !accepts(schema, &node.value) {
            return self.refuse(path, &wrong_type(node, &describe(self.definitions, schema)));
        }
        match &node.value {
            Value::Table(entries) => self.table(schema, entries, node, path),
            Value::List(items) => self.list(schema, items, node, path),
            Value::Text(text) => self.text(schema, text, node, path),
            Value::Integer(value) => self.integer(schema, *value, node, path),
            Value::Null | Value::Boolean(_) | Value::Number(_) => Some(node.clone()),
        }
    }

    /// One of several shapes: the one that fits the kind of value that was written.
    fn alternative(
        &mut self,
        schema: &'a Map<String, Json>,
        alternatives: &'a [Json],
        node: &Node,
        path: &KeyPath,
    ) -> Option<Node> {
        let constants: Vec<&str> = alternatives.iter().filter_map(|one| one.get("const")?.as_str()).collect();
        if constants.len() == alternatives.len() {
            return match &node.value {
                Value::Text(text) => self.one_of(&constants, text, node, path),
                _ => self.refuse(path, &wrong_type(node, &describe(self.definitions, schema))),
            };
        }
        if matches!(node.value, Value::Table(_))
            && let Some(tagged) = Tagged::of(self.definitions, alternatives)
        {
            let chosen = tagged.choose(node, path, self.faults)?;
            return self.node(chosen, node, path);
        }
        let fitting = alternatives.iter().find(|one| {
            let one = self.definitions.resolve(one);
            one.as_object().is_none_or(|one| accepts(one, &node.value))
        });
        match fitting {
            Some(one) => self.node(one, node, path),
            None => self.refuse(path, &wrong_type(node, &describe(self.definitions, schema))),
        }
    }

    fn table(
        &mut self,
        schema: &'a Map<String, Json>,
        entries: &IndexMap<String, Entry>,
        node: &Node,
        path: &KeyPath,
    ) -> Option<Node> {
        let properties = schema.get("properties").and_then(Json::as_object);
        let further = schema.get("additionalProperties");
        let required = required(schema);
        let mut usable = true;
        let mut kept = IndexMap::new();
        for (name, entry) in entries {
            let path = path.field(name);
            let Some(schema) = properties.and_then(|all| all.get(name)).or(further) else {
                kept.insert(name.clone(), entry.clone());
                continue;
            };
            if schema == &Json::Bool(false) {
                let known: Vec<String> = properties.into_iter().flat_map(Map::keys).cloned().collect();
                let suggestion = closest(name, known.iter().map(String::as_str));
                self.faults.add_at(entry.key, &path, &Problem::UnknownField { suggestion, known });
                self.removed.push(path);
                continue;
            }
            match self.node(schema, &entry.node, &path) {
                Some(node) => {
                    kept.insert(name.clone(), Entry { key: entry.key, node });
                }
                None => {
                    usable &= !required.contains(&name.as_str());
                    self.removed.push(path);
                }
            }
        }
        for field in required.iter().filter(|field| !entries.contains_key(**field)) {
            let schema = properties.and_then(|all| all.get(*field));
            let meaning = schema.and_then(|schema| self.definitions.meaning(schema));
            self.faults.add(path, &Problem::MissingField { field: (*field).to_owned(), meaning });
            usable = false;
        }
        usable.then(|| Node { value: Value::Table(kept), position: node.position })
    }

    fn list(
        &mut self,
        schema: &'a Map<String, Json>,
        items: &[Node],
        node: &Node,
        path: &KeyPath,
    ) -> Option<Node> {
        let Some(of) = schema.get("items") else { return Some(node.clone()) };
        let kept: Vec<Option<Node>> =
            items.iter().enumerate().map(|(index, item)| self.node(of, item, &path.item(index))).collect();
        // An item that is left out would move the others from their places.
        let kept = kept.into_iter().collect::<Option<Vec<Node>>>()?;
        Some(Node { value: Value::List(kept), position: node.position })
    }

    fn text(&mut self, schema: &Map<String, Json>, text: &Text, node: &Node, path: &KeyPath) -> Option<Node> {
        if let Some(allowed) = schema.get("enum").and_then(Json::as_array) {
            let allowed: Vec<&str> = allowed.iter().filter_map(Json::as_str).collect();
            return self.one_of(&allowed, text, node, path);
        }
        let format = schema.get("format").and_then(Json::as_str).unwrap_or_default();
        match unit_fault(format, &text.value) {
            Some(expected) => {
                let value = format!("{:?}", text.written);
                self.refuse(path, &Problem::BadUnit { value, expected })
            }
            None => Some(node.clone()),
        }
    }

    fn one_of(&mut self, allowed: &[&str], text: &Text, node: &Node, path: &KeyPath) -> Option<Node> {
        if allowed.contains(&text.value.as_str()) {
            return Some(node.clone());
        }
        let suggestion = closest(&text.value, allowed.iter().copied());
        let allowed = allowed.iter().map(|one| (*one).to_owned()).collect();
        self.refuse(path, &Problem::UnknownValue { value: text.written.clone(), suggestion, allowed })
    }

    fn integer(
        &mut self,
        schema: &Map<String, Json>,
        value: i64,
        node: &Node,
        path: &KeyPath,
    ) -> Option<Node> {
        let Some((least, most)) = bounds(schema) else { return Some(node.clone()) };
        if (least..=most).contains(&i128::from(value)) {
            return Some(node.clone());
        }
        let range = format!("it must be {least} to {most}");
        self.refuse(path, &Problem::OutOfRange { value: value.to_string(), range })
    }

    /// A text that came from the environment may stand for a number or a yes or no.
    fn read_from_environment(&self, schema: &Map<String, Json>, node: &Node) -> Option<Node> {
        let Value::Text(text) = &node.value else { return None };
        if !text.is_substituted() || accepts(schema, &node.value) {
            return None;
        }
        let read = [
            text.value.parse().ok().map(Value::Integer),
            text.value.parse().ok().filter(|value: &f64| value.is_finite()).map(Value::Number),
            text.value.parse().ok().map(Value::Boolean),
        ];
        let value = read.into_iter().flatten().find(|value| accepts(schema, value))?;
        Some(Node { value, position: node.position })
    }

    fn refuse(&mut self, path: &KeyPath, problem: &Problem) -> Option<Node> {
        self.faults.add(path, problem);
        None
    }
}

fn wrong_type(node: &Node, expected: &str) -> Problem {
    let found = match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => format!("the number {value}"),
        Value::Number(value) => format!("the number {value}"),
        Value::Text(text) => format!("the text {:?}", text.written),
        Value::List(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    };
    Problem::WrongType { found, expected: expected.to_owned() }
}
