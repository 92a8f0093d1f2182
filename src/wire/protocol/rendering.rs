//! Values as AWS shows them in its messages: by Java's `toString`.

use super::{Input, Value};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

pub(super) fn of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", bytes.len()),
        Value::Integer(number) => number.to_string(),
        // Java writes a fraction always.
        Value::Double(number) => format!("{number:?}"),
        Value::Boolean(is) => is.to_string(),
        Value::Timestamp(time) => time.0.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| or_null(item.as_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key}={}", or_null(value.as_ref()))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Structure(input) => structure(input),
    }
}

fn or_null(value: Option<&Value>) -> String {
    value.map_or_else(|| "null".to_owned(), of)
}

/// Java's default: the class and a hash of the object.
fn structure(input: &Input) -> String {
    let mut hasher = DefaultHasher::new();
    input.shape().name.hash(&mut hasher);
    for (_, value) in input.fields() {
        or_null(value).hash(&mut hasher);
    }
    format!("{}@{:x}", input.shape().name, hasher.finish() >> 32)
}
