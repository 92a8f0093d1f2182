//! The answer to stored records: shard and sequence of each, in the order they were sent.

use super::prepare::{FAULTY, Faults};
use serde::{Deserialize, Serialize};
use std::io::Write;

/// Where one shard's share of a request came to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub shard: u32,
    pub first_sequence: u64,
}

/// What is told of a request beside the placements; small enough to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// For each record sent: its share, or [`FAULTY`].
    pub entries: Vec<u32>,
    pub faults: Faults,
}

/// Whether records lie in the shards of a stream or in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Destination {
    Stream,
    Queue,
}

impl Told {
    /// `{"stream":"trips","accepted":2,"faulty":0,"records":[{"shard":0,"sequence":17},...],"faults":[]}`
    pub(super) fn write(&self, name: &str, destination: Destination, placed: &[Placed]) -> Vec<u8> {
        let mut out = Vec::with_capacity(96 + self.entries.len() * 32);
        let mut next: Vec<u64> = placed.iter().map(|place| place.first_sequence).collect();
        let kind = if destination == Destination::Stream { "stream" } else { "queue" };
        // Writing to memory does not fail; node names need no escaping.
        let accepted = self.entries.len().saturating_sub(self.faults.count);
        let _ = write!(
            out,
            "{{\"{kind}\":\"{name}\",\"accepted\":{accepted},\"faulty\":{},\"records\":[",
            self.faults.count
        );
        for (record, share) in self.entries.iter().enumerate() {
            if record > 0 {
                out.push(b',');
            }
            let place = usize::try_from(*share).unwrap_or(usize::MAX);
            let (Some(sequence), Some(at)) = (next.get_mut(place), placed.get(place)) else {
                out.extend_from_slice(b"null");
                continue;
            };
            let _ = match destination {
                Destination::Stream => write!(out, "{{\"shard\":{},\"sequence\":{sequence}}}", at.shard),
                Destination::Queue => write!(out, "{{\"sequence\":{sequence}}}"),
            };
            *sequence += 1;
        }
        out.extend_from_slice(b"],\"faults\":");
        let _ = serde_json::to_writer(&mut out, &self.faults.listed);
        out.push(b'}');
        out
    }

    /// The entries as runs of equal shares, to be remembered.
    pub(super) fn runs(&self) -> Vec<(u32, u32)> {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for share in &self.entries {
            match runs.last_mut() {
                Some((last, count)) if last == share => *count += 1,
                _ => runs.push((*share, 1)),
            }
        }
        runs
    }

    pub(super) fn from_runs(runs: &[(u32, u32)], faults: Faults) -> Self {
        let entries = runs.iter().flat_map(|(share, count)| (0..*count).map(|_| *share)).collect();
        Self { entries, faults }
    }
}

/// Records that were taken.
pub(super) fn taken(entries: &[u32]) -> usize {
    entries.iter().filter(|share| **share != FAULTY).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::ingress::prepare::Fault;

    fn told() -> Told {
        let fault = Fault { record: 2, line: 3, reason: "a \"bad\" one".to_owned() };
        Told { entries: vec![0, 1, FAULTY, 0, 0], faults: Faults { count: 1, listed: vec![fault] } }
    }

    #[test]
    fn each_record_has_its_place_in_the_order_sent() {
        let placed = [Placed { shard: 3, first_sequence: 10 }, Placed { shard: 0, first_sequence: 7 }];
        let body = String::from_utf8(told().write("trips", Destination::Stream, &placed)).unwrap();
        assert_eq!(
            body,
            concat!(
                r#"{"stream":"trips","accepted":4,"faulty":1,"records":[{"shard":3,"sequence":10},"#,
                r#"{"shard":0,"sequence":7},null,{"shard":3,"sequence":11},{"shard":3,"sequence":12}],"#,
                r#""faults":[{"record":2,"line":3,"reason":"a \"bad\" one"}]}"#
            )
        );
        assert_eq!(taken(&told().entries), 4);
    }

    #[test]
    fn a_queue_has_no_shards() {
        let told = Told { entries: vec![0], faults: Faults::default() };
        let body = told.write("jobs", Destination::Queue, &[Placed { shard: 0, first_sequence: 5 }]);
        let expected = br#"{"queue":"jobs","accepted":1,"faulty":0,"records":[{"sequence":5}],"faults":[]}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn runs_give_the_entries_back() {
        let told = told();
        assert_eq!(told.runs(), [(0, 1), (1, 1), (FAULTY, 1), (0, 2)]);
        assert_eq!(Told::from_runs(&told.runs(), told.faults.clone()), told);
    }
}
