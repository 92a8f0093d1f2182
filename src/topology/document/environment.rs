//! `${NAME}` in a text stands for an environment variable; `$${` stands for `${`.

use super::{KeyPath, Node, Text, Value};
use crate::topology::fault::Problem;

/// Looks an environment variable up; a function, so that tests need no environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The values that came from the environment, so that no message shows them.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// The text with each substituted value put back as the reference it came from.
    pub fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (value, reference)| text.replace(value, reference))
    }

    fn remember(&mut self, value: &str, reference: String) {
        let quoted = format!("{value:?}");
        let escaped = quoted.trim_matches('"');
        for form in [value, escaped] {
            if !form.is_empty() && !self.0.iter().any(|(known, _)| known == form) {
                self.0.push((form.to_owned(), reference.clone()));
            }
        }
        // The longest first: a value may hold another.
        self.0.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    }
}

/// Substitutes all references below `node`; hands what is wrong to `refuse`.
pub(super) fn substitute(
    node: &mut Node,
    path: &KeyPath,
    environment: Environment<'_>,
    secrets: &mut Secrets,
    refuse: &mut dyn FnMut(&KeyPath, Problem),
) {
    match &mut node.value {
        Value::Text(text) => {
            for problem in substitute_text(text, environment, secrets) {
                refuse(path, problem);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                substitute(item, &path.item(index), environment, secrets, refuse);
            }
        }
        Value::Table(entries) => {
            for (name, entry) in entries.iter_mut() {
                substitute(&mut entry.node, &path.field(name), environment, secrets, refuse);
            }
        }
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Number(_) => {}
    }
}

fn substitute_text(text: &mut Text, environment: Environment<'_>, secrets: &mut Secrets) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut value = String::with_capacity(text.written.len());
    let mut rest = text.written.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(escaped) = before.strip_suffix('$') {
            value.push_str(escaped);
            value.push_str("${");
            rest = after;
            continue;
        }
        value.push_str(before);
        let Some((name, beyond)) = after.split_once('}') else {
            problems.push(Problem::BadReference { reference: format!("${{{after}") });
            rest = "";
            break;
        };
        rest = beyond;
        let reference = format!("${{{name}}}");
        if !is_variable_name(name) {
            problems.push(Problem::BadReference { reference });
        } else if let Some(found) = environment(name) {
            value.push_str(&found);
            secrets.remember(&found, reference);
        } else {
            problems.push(Problem::MissingVariable { name: name.to_owned() });
        }
    }
    value.push_str(rest);
    if problems.is_empty() {
        text.value = value;
    }
    problems
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
