//! Where a record first came from, carried in its attributes to the end of its way.

use serde::{Deserialize, Serialize};

/// The identity a record got when it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    pub stream: String,
    pub shard: u32,
    pub sequence: u64,
}

/// Longest reason kept with a record, in bytes: attributes must stay below 65,535 bytes.
const LONGEST_REASON: usize = 8_192;

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(borrow, rename = "o")]
    origin: (std::borrow::Cow<'a, str>, u32, u64),
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reason: Option<std::borrow::Cow<'a, str>>,
}

impl Origin {
    /// The attributes of a record that stems from this one: `{"o":[stream,shard,sequence]}`.
    pub fn encode(&self) -> Vec<u8> {
        self.write(None)
    }

    /// The attributes of a record put aside, with the reason; a reason over 8 KiB is cut.
    pub fn encode_with_reason(&self, reason: &str) -> Vec<u8> {
        let end = (0..=reason.len().min(LONGEST_REASON)).rev().find(|end| reason.is_char_boundary(*end));
        self.write(end.and_then(|end| reason.get(..end)))
    }

    fn write(&self, reason: Option<&str>) -> Vec<u8> {
        let origin = (self.stream.as_str().into(), self.shard, self.sequence);
        serde_json::to_vec(&Written { origin, reason: reason.map(Into::into) }).unwrap_or_default()
    }

    /// Reads the origin out of attributes; `None` when they name none.
    pub fn decode(attributes: &[u8]) -> Option<Self> {
        let written: Written<'_> = serde_json::from_slice(attributes).ok()?;
        let (stream, shard, sequence) = written.origin;
        Some(Self { stream: stream.into_owned(), shard, sequence })
    }

    /// Reads the reason out of the attributes of a record put aside.
    pub fn decode_reason(attributes: &[u8]) -> Option<String> {
        let written: Written<'_> = serde_json::from_slice(attributes).ok()?;
        written.reason.map(std::borrow::Cow::into_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin { stream: "trips \"é\"".to_owned(), shard: 3, sequence: u64::MAX }
    }

    #[test]
    fn an_origin_is_read_back_as_written() {
        assert_eq!(Origin::decode(&origin().encode()), Some(origin()));
        assert_eq!(Origin::decode_reason(&origin().encode()), None);
        let short = Origin { stream: "trips".to_owned(), shard: 0, sequence: 7 };
        assert_eq!(short.encode(), br#"{"o":["trips",0,7]}"#);
    }

    #[test]
    fn a_reason_travels_with_the_origin_and_is_cut_at_a_character() {
        let put_aside = origin().encode_with_reason("no \"seconds\"");
        assert_eq!(Origin::decode(&put_aside), Some(origin()));
        assert_eq!(Origin::decode_reason(&put_aside).as_deref(), Some("no \"seconds\""));
        let long = origin().encode_with_reason(&"é".repeat(LONGEST_REASON));
        assert_eq!(Origin::decode_reason(&long).unwrap().len(), LONGEST_REASON);
    }

    #[test]
    fn attributes_without_origin_name_none() {
        for attributes in [&b""[..], b"{}", b"\xff\x00", b"{\"o\":[1,2]}"] {
            assert_eq!(Origin::decode(attributes), None);
        }
    }
}
