//! What AWS still answers to a body of plain `application/json`: an envelope with status 200.

pub(super) const CONTENT_TYPE: &str = "application/json";

/// The code and the body. Nothing is done, whatever is asked for.
pub(super) fn answer(body: &[u8]) -> (&'static str, Vec<u8>) {
    let (code, envelope) = match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Err(_) if !body.is_empty() => (
            "SerializationException",
            r#"{"Output":{"__type":"com.amazon.coral.service#SerializationException","Message":null},"Version":"1.0"}"#,
        ),
        _ => (
            "UnknownOperationException",
            r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException","message":null},"Version":"1.0"}"#,
        ),
    };
    (code, envelope.as_bytes().to_vec())
}
