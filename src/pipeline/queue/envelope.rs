//! What the queue API keeps with a message beside its body, in the attributes of the record.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// A value that a sender attached to a message under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAttribute {
    /// Such as `String`, `Number.int` or `Binary`.
    #[serde(rename = "t")]
    pub data_type: String,
    /// Text; absent for binary values.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Base64.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
}

/// A message as its sender gave it, its body apart. Written as the member `sqs` of the record's attributes,
/// beside what [`crate::pipeline::Origin`] and [`super::PutAside`] write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Messages of FIFO queues have none: theirs is told by their place, so that a message sent twice has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The account that sent it.
    pub sender: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// `AWSTraceHeader`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Attributes<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    sqs: Option<&'a RawValue>,
    /// The node that moved it here: the queue that it was in, or workers on that queue.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    node: Option<Cow<'a, str>>,
    /// The queue that it was in when workers moved it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    queue: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    receives: Option<&'a RawValue>,
}

impl Envelope {
    /// The attributes of a record.
    pub fn encode(&self) -> Vec<u8> {
        let raw = serde_json::value::to_raw_value(self).ok();
        let written = Attributes { sqs: raw.as_deref(), node: None, queue: None, receives: None };
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// `None` for a record that came by another way.
    pub fn decode(attributes: &[u8]) -> Option<Self> {
        serde_json::from_str(raw(attributes)?.get()).ok()
    }
}

/// The envelope within attributes as it is written there, to be carried on.
pub fn raw(attributes: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice::<Attributes<'_>>(attributes).ok()?.sqs
}

/// The queue that a message was moved from because it was received too often, or put aside by workers.
pub fn moved_from(attributes: &[u8]) -> Option<String> {
    let read: Attributes<'_> = serde_json::from_slice(attributes).ok()?;
    read.receives.and(read.queue.or(read.node)).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Origin, queue::PutAside};

    #[test]
    fn an_envelope_is_read_back_and_survives_being_put_aside() {
        let attribute =
            MessageAttribute { data_type: "Number".to_owned(), text: Some("7".to_owned()), binary: None };
        let envelope = Envelope {
            id: Some("1-2".to_owned()),
            sender: "000000000000".to_owned(),
            attributes: BTreeMap::from([("é".to_owned(), attribute)]),
            ..Envelope::default()
        };
        let attributes = envelope.encode();
        assert_eq!(Envelope::decode(&attributes), Some(envelope.clone()));
        assert_eq!((Origin::decode(&attributes), moved_from(&attributes)), (None, None));
        let origin = Origin { stream: "jobs".to_owned(), shard: 0, sequence: 3 };
        let why = PutAside {
            origin: origin.clone(),
            reason: "received 3 times",
            node: "jobs",
            queue: None,
            receives: Some(3),
            rules: None,
            envelope: raw(&attributes),
        };
        let moved = why.encode();
        assert_eq!(Envelope::decode(&moved), Some(envelope));
        assert_eq!((Origin::decode(&moved), moved_from(&moved).as_deref()), (Some(origin), Some("jobs")));
        let by_workers = PutAside { node: "review", queue: Some("jobs"), ..why }.encode();
        assert_eq!(moved_from(&by_workers).as_deref(), Some("jobs"));
        assert_eq!(Envelope::decode(b"{\"o\":[\"trips\",0,1]}"), None);
        assert_eq!(Envelope::decode(b"nonsense"), None);
    }
}
