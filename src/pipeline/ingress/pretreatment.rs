//! Conditions that a record must meet before it is taken, answered in the request.

use super::{Check, field::Pointer};
use serde_json::Value;

/// The conditions of one ingress, ready to use.
#[derive(Debug, Clone, Default)]
pub(super) struct Pretreatment {
    require: Vec<Pointer>,
    checks: Vec<Check>,
}

/// A condition that can never be met or read. The topology's author pays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct ConditionError {
    pub field: String,
    pub what: String,
}

const TYPES: [&str; 5] = ["string", "number", "boolean", "object", "array"];

impl Pretreatment {
    /// Reads the conditions of a section.
    ///
    /// # Errors
    /// [`ConditionError`] for a field that is no JSON pointer, an unknown type, or bounds that cross.
    pub(super) fn read(require: &[String], checks: &[Check]) -> Result<Self, ConditionError> {
        let pointer = |field: &String| {
            let what = "not a JSON pointer; write it as \"/name\"".to_owned();
            Pointer::read(field).ok_or(ConditionError { field: field.clone(), what })
        };
        let require = require.iter().map(pointer).collect::<Result<_, _>>()?;
        for check in checks {
            pointer(&check.field)?;
            let refuse = |what: String| Err(ConditionError { field: check.field.clone(), what });
            if let Some(name) = check.is.as_ref().filter(|name| !TYPES.contains(&name.as_str())) {
                return refuse(format!("is = {name:?} is not one of {}", TYPES.join(", ")));
            }
            if let (Some(least), Some(most)) = (check.at_least, check.at_most)
                && least > most
            {
                return refuse(format!("at_least = {least} is above at_most = {most}"));
            }
        }
        Ok(Self { require, checks: checks.to_vec() })
    }

    /// Nothing when the record meets all conditions, else the first one it does not meet.
    pub(super) fn fault(&self, record: &[u8]) -> Option<String> {
        let missing =
            self.require.iter().find(|field| field.find(record).is_none_or(|value| value.get() == "null"));
        if let Some(field) = missing {
            return Some(format!("{} is missing", field.text()));
        }
        if self.checks.is_empty() {
            return None;
        }
        match serde_json::from_slice::<Value>(record) {
            Ok(tree) => self.checks.iter().find_map(|check| check.fault(&tree)),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Check {
    fn fault(&self, record: &Value) -> Option<String> {
        let value = record.pointer(&self.field)?;
        let field = &self.field;
        if let Some(wanted) = &self.is
            && wanted != type_of(value)
        {
            return Some(format!("{field} is a {}, not a {wanted}", type_of(value)));
        }
        if self.at_least.is_some() || self.at_most.is_some() {
            let Some(number) = value.as_f64() else {
                return Some(format!("{field} is a {}, not a number", type_of(value)));
            };
            if let Some(least) = self.at_least.filter(|least| number < *least) {
                return Some(format!("{field} is {value}, below {least}"));
            }
            if let Some(most) = self.at_most.filter(|most| number > *most) {
                return Some(format!("{field} is {value}, above {most}"));
            }
        }
        let allowed = self.one_of.as_ref()?;
        if allowed.iter().any(|allowed| same(allowed, value)) {
            return None;
        }
        let list: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        Some(format!("{field} is {}, not one of {}", shortened(value), list.join(", ")))
    }
}

/// Equal, and 1 equals 1.0.
fn same(allowed: &Value, value: &Value) -> bool {
    allowed == value || (allowed.is_number() && allowed.as_f64() == value.as_f64())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A value as shown in a reason: large ones are cut.
fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Check {
        serde_json::from_str(text).unwrap()
    }

    fn fault(require: &[&str], checks: &[&str], record: &str) -> Option<String> {
        let require: Vec<_> = require.iter().map(ToString::to_string).collect();
        let checks: Vec<_> = checks.iter().map(|text| check(text)).collect();
        Pretreatment::read(&require, &checks).unwrap().fault(record.as_bytes())
    }

    #[test]
    fn required_fields_must_be_there_and_not_null() {
        let require = ["/travel_time", "/_id/$oid"];
        let whole = r#"{"travel_time":1,"_id":{"$oid":"x"}}"#;
        assert_eq!(fault(&require, &[], whole), None);
        let missing = fault(&require, &[], r#"{"travel_time":1}"#);
        assert_eq!(missing.as_deref(), Some("/_id/$oid is missing"));
        let null = fault(&require, &[], r#"{"travel_time":null,"_id":{"$oid":"x"}}"#);
        assert_eq!(null.as_deref(), Some("/travel_time is missing"));
    }

    #[test]
    fn each_condition_names_field_and_value() {
        let seconds = [r#"{"field":"/s","is":"number","at_least":60,"at_most":86400}"#];
        for (record, expected) in [
            (r#"{"s":60}"#, None),
            (r#"{"other":1}"#, None),
            (r#"{"s":59}"#, Some("/s is 59, below 60")),
            (r#"{"s":86401.5}"#, Some("/s is 86401.5, above 86400")),
            (r#"{"s":"60"}"#, Some("/s is a string, not a number")),
        ] {
            assert_eq!(fault(&[], &seconds, record).as_deref(), expected, "{record}");
        }
        let kinds = [r#"{"field":"/k","one_of":["a",1]}"#];
        assert_eq!(fault(&[], &kinds, r#"{"k":1.0}"#), None);
        assert_eq!(fault(&[], &kinds, r#"{"k":"b"}"#).as_deref(), Some("/k is \"b\", not one of \"a\", 1"));
        let bounds = [r#"{"field":"/k","at_least":1}"#];
        assert_eq!(fault(&[], &bounds, r#"{"k":null}"#).as_deref(), Some("/k is a null, not a number"));
    }

    #[test]
    fn conditions_that_cannot_be_met_are_refused_when_read() {
        let read = |require: &[&str], text: &str| {
            let require: Vec<_> = require.iter().map(ToString::to_string).collect();
            Pretreatment::read(&require, &[check(text)]).unwrap_err().to_string()
        };
        assert!(read(&["name"], r#"{"field":"/a"}"#).contains("\"/name\""));
        assert!(read(&[], r#"{"field":"/a","is":"int"}"#).contains("number"));
        assert!(read(&[], r#"{"field":"/a","at_least":2,"at_most":1}"#).contains("above"));
    }
}
