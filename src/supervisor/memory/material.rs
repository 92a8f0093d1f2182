//! Whether two states of a pool's memory differ by enough to be written.

use serde_json::Value;

/// Numbers closer than this share are alike.
const ALIKE: f64 = 0.05;
/// When it was written says nothing of what was learned.
const TIME: &str = "at_ms";

/// True when the values differ in form, in a text, or in a number by more than a twentieth.
pub(super) fn differ(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() != right.len()
                || left.iter().any(|(name, value)| {
                    name != TIME && right.get(name).is_none_or(|other| differ(value, other))
                })
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() != right.len() || left.iter().zip(right).any(|(left, right)| differ(left, right))
        }
        (Value::Number(left), Value::Number(right)) => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => (left - right).abs() > ALIKE * left.abs().max(right.abs()),
            _ => left != right,
        },
        _ => left != right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rate_that_wavers_and_the_time_of_writing_are_no_news() {
        let before = json!({"at_ms": 1, "desired": 8, "rates": [100.0, 3.0]});
        assert!(!differ(&before, &json!({"at_ms": 999, "desired": 8, "rates": [104.0, 2.9]})));
        for news in [
            json!({"at_ms": 1, "desired": 9, "rates": [100.0, 3.0]}),
            json!({"at_ms": 1, "desired": 8, "rates": [100.0, 4.0]}),
            json!({"at_ms": 1, "desired": 8, "rates": [100.0]}),
            json!({"at_ms": 1, "desired": null, "rates": [100.0, 3.0]}),
            json!({"at_ms": 1, "rates": [100.0, 3.0]}),
        ] {
            assert!(differ(&before, &news), "{news}");
        }
    }
}
