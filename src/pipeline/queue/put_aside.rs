//! What is kept with a message that could not be processed.

use crate::{pipeline::Origin, storage::StoredRecord};
use serde::Serialize;
use serde_json::value::RawValue;

/// Longest reason kept, in bytes: attributes must stay below 65,535 bytes.
const LONGEST_REASON: usize = 8_192;

/// Why and where a message was put aside. Written as the attributes of the message, which
/// [`Origin::decode`] and [`Origin::decode_reason`] read too:
/// `{"o":[stream,shard,sequence],"reason":"...","node":"...","queue":"...","receives":5,"rules":"..."}`.
#[derive(Debug, Clone)]
pub struct PutAside<'a> {
    pub origin: Origin,
    /// Cut to 8 KiB.
    pub reason: &'a str,
    /// The node that put it aside; for a message received too often, the queue.
    pub node: &'a str,
    /// The queue that it was in, where the node is not that queue.
    pub queue: Option<&'a str>,
    /// How often it had been received.
    pub receives: Option<u32>,
    /// Version of the rules that rejected it.
    pub rules: Option<&'a str>,
    /// What the queue API keeps with it, as it is written.
    pub envelope: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Written<'a> {
    o: (&'a str, u32, u64),
    reason: &'a str,
    node: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receives: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqs: Option<&'a RawValue>,
}

impl PutAside<'_> {
    pub fn encode(&self) -> Vec<u8> {
        let reason = self.reason.get(..self.reason.floor_char_boundary(LONGEST_REASON)).unwrap_or_default();
        let written = Written {
            o: (&self.origin.stream, self.origin.shard, self.origin.sequence),
            reason,
            node: self.node,
            queue: self.queue,
            receives: self.receives,
            rules: self.rules,
            sqs: self.envelope,
        };
        serde_json::to_vec(&written).unwrap_or_default()
    }
}

/// Where a record first came from: what its attributes say, else where it lies now.
pub fn origin_of(record: &StoredRecord, holder: &str, shard: u32) -> Origin {
    Origin::decode(&record.attributes).unwrap_or_else(|| Origin {
        stream: holder.to_owned(),
        shard,
        sequence: record.sequence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_tells_origin_reason_receives_and_rules() {
        let origin = Origin { stream: "trips".to_owned(), shard: 2, sequence: 41 };
        let put_aside = PutAside {
            origin: origin.clone(),
            reason: "shorter than \"a minute\"",
            node: "review",
            queue: None,
            receives: Some(3),
            rules: Some("4f2a"),
            envelope: None,
        };
        let attributes = put_aside.encode();
        assert_eq!(Origin::decode(&attributes), Some(origin));
        assert_eq!(Origin::decode_reason(&attributes).as_deref(), Some("shorter than \"a minute\""));
        let value: serde_json::Value = serde_json::from_slice(&attributes).unwrap();
        assert_eq!((&value["node"], &value["receives"]), (&"review".into(), &3.into()));
        assert_eq!(value["rules"], "4f2a");
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let origin = Origin { stream: "trips".to_owned(), shard: 0, sequence: 0 };
        let reason = "é".repeat(50_000);
        let (reason, node) = (reason.as_str(), "n");
        let put_aside =
            PutAside { origin, reason, node, queue: None, receives: None, rules: None, envelope: None };
        assert_eq!(Origin::decode_reason(&put_aside.encode()).unwrap().len(), LONGEST_REASON);
    }
}
