//! What senders attach to messages: its rules, its size, its MD5, and which of it a receiver wants.

use super::{characters, errors};
use crate::{
    pipeline::queue::MessageAttribute,
    wire::{Content, Input, Output, ServiceError, Value},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use std::collections::BTreeMap;

/// Most attributes of a message.
const MOST: usize = 10;
const LONGEST_NAME: usize = 256;
const TYPES: [&str; 3] = ["String", "Number", "Binary"];

pub(super) type Attributes = BTreeMap<String, MessageAttribute>;

/// The attributes that a request has under a name.
///
/// # Errors
/// `InvalidParameterValue` for whatever is wrong with one.
pub(super) fn read(input: &Input, member: &str) -> Result<Attributes, ServiceError> {
    let Some(Value::Map(entries)) = input.get(member) else { return Ok(Attributes::new()) };
    if entries.len() > MOST {
        return Err(errors::invalid_parameter(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MOST}].",
            entries.len()
        )));
    }
    let one = |(name, value): &(String, Option<Value>)| {
        check_name(name)?;
        let value = value.as_ref().and_then(Value::as_structure);
        let value = value.ok_or_else(|| without_value(name))?;
        Ok((name.clone(), read_value(name, value)?))
    };
    entries.iter().map(one).collect()
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let lower = name.to_ascii_lowercase();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_of_aws = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let has_dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if name.is_empty() || !name.bytes().all(is_allowed) {
        return Err(errors::invalid_parameter(
            "Message (user) attribute name can only contain upper and lower score case letters, digits, periods, \
             hyphens and underscores.",
        ));
    }
    match name.len() > LONGEST_NAME || is_of_aws || has_dots {
        true => Err(errors::invalid_parameter(format!("Message (user) attribute name '{name}' is invalid."))),
        false => Ok(()),
    }
}

fn without_value(name: &str) -> ServiceError {
    errors::invalid_parameter(format!(
        "Message (user) attribute '{name}' must contain a non-empty message attribute value."
    ))
}

fn read_value(name: &str, value: &Input) -> Result<MessageAttribute, ServiceError> {
    let data_type = value.text("DataType").unwrap_or_default();
    let kind = data_type.split('.').next().unwrap_or_default();
    if data_type.is_empty() || data_type.len() > LONGEST_NAME || !TYPES.contains(&kind) {
        return Err(errors::invalid_parameter(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported \
             type prefixes: Binary, Number, String."
        )));
    }
    let is_listed = value.has("StringListValues") || value.has("BinaryListValues");
    if is_listed {
        return Err(errors::unsupported(
            "Message attribute list values in SendMessage operation are not supported.",
        ));
    }
    let empty = || {
        errors::invalid_parameter(format!(
            "The message (user) attribute '{name}' must contain a non-empty message attribute value for message \
             attribute type '{kind}'."
        ))
    };
    let data_type = data_type.to_owned();
    if kind == "Binary" {
        let bytes = value.blob("BinaryValue").filter(|bytes| !bytes.is_empty()).ok_or_else(empty)?;
        return Ok(MessageAttribute { data_type, text: None, binary: Some(STANDARD.encode(bytes)) });
    }
    let text = value.text("StringValue").filter(|text| !text.is_empty()).ok_or_else(empty)?;
    if !characters::are_allowed(text) {
        return Err(errors::contents());
    }
    if kind == "Number" && text.trim().parse::<f64>().is_err() {
        return Err(errors::invalid_parameter(format!(
            "Can't cast the value of message (user) attribute '{name}' to a number."
        )));
    }
    Ok(MessageAttribute { data_type, text: Some(text.to_owned()), binary: None })
}

/// The bytes of a value, and how they are marked in the MD5.
fn bytes_of(attribute: &MessageAttribute) -> (u8, Vec<u8>) {
    match (&attribute.text, &attribute.binary) {
        (Some(text), _) => (1, text.clone().into_bytes()),
        (None, Some(binary)) => (2, STANDARD.decode(binary).unwrap_or_default()),
        (None, None) => (1, Vec::new()),
    }
}

/// Bytes that count as the message's: names, types and values.
pub(super) fn size(attributes: &Attributes) -> usize {
    let of = |(name, attribute): (&String, &MessageAttribute)| {
        name.len() + attribute.data_type.len() + bytes_of(attribute).1.len()
    };
    attributes.iter().map(of).sum()
}

/// The MD5 that AWS has of attributes; `None` when there are none.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>
pub(super) fn digest<'a>(
    attributes: impl Iterator<Item = (&'a String, &'a MessageAttribute)>,
) -> Option<String> {
    let mut digest = Md5::new();
    let mut any = false;
    for (name, attribute) in attributes {
        any = true;
        let (mark, value) = bytes_of(attribute);
        let mut put = |bytes: &[u8]| {
            digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            digest.update(bytes);
        };
        put(name.as_bytes());
        put(attribute.data_type.as_bytes());
        digest.update([mark]);
        let mut put = |bytes: &[u8]| {
            digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            digest.update(bytes);
        };
        put(&value);
    }
    any.then(|| hex(digest.finalize().into()))
}

/// The MD5 of a body.
pub(super) fn digest_of_body(body: &[u8]) -> String {
    hex(Md5::digest(body).into())
}

fn hex(digest: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(digest))
}

/// Whether a receiver wants an attribute: by `All`, `.*`, `prefix.*`, or its name.
pub(super) fn is_wanted(name: &str, filters: &[&str]) -> bool {
    filters.iter().any(|filter| match *filter {
        "All" | ".*" => true,
        filter => filter == name || filter.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix)),
    })
}

/// An attribute as it is told.
pub(super) fn tell(attribute: &MessageAttribute) -> Content {
    let (mark, value) = bytes_of(attribute);
    let told = match mark {
        2 => Output::new().with("BinaryValue", bytes::Bytes::from(value)),
        _ => Output::new().with_some("StringValue", attribute.text.clone()),
    };
    told.with("DataType", attribute.data_type.as_str()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data_type: &str, text: &str) -> MessageAttribute {
        MessageAttribute { data_type: data_type.to_owned(), text: Some(text.to_owned()), binary: None }
    }

    #[test]
    fn digests_are_those_that_aws_answers() {
        // Computed by botocore's rule for AWS's documented encoding.
        assert_eq!(digest_of_body(b"This is a test message"), "fafb00f5732ab283681e124bf8747ed1");
        let binary = MessageAttribute {
            data_type: "Binary".to_owned(),
            text: None,
            binary: Some("aGVsbG8=".to_owned()),
        };
        let attributes = Attributes::from([
            ("timestamp".to_owned(), text("Number", "1493147359900")),
            ("blob".to_owned(), binary),
        ]);
        let one = Attributes::from([("timestamp".to_owned(), text("Number", "1493147359900"))]);
        assert_eq!(digest(one.iter()).as_deref(), Some("235c5c510d26fb653d073faed50ae77c"));
        assert_ne!(digest(attributes.iter()), digest(one.iter()));
        assert_eq!(digest(Attributes::new().iter()), None);
        assert_eq!(size(&attributes), 9 + 6 + 13 + 4 + 6 + 5);
    }

    #[test]
    fn names_are_wanted_by_wildcards() {
        for filter in ["All", ".*", "bar.*", "bar", "b.*"] {
            assert!(is_wanted("bar", &[filter]), "{filter}");
        }
        assert!(
            is_wanted("bar.one", &["x", "bar.*"]) && !is_wanted("bar", &["ba"]) && !is_wanted("bar", &[])
        );
    }
}
