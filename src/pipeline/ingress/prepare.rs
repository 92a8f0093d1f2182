//! From a request's body to records with keys and shards: everything before the log.

use super::{
    Reply,
    key::KeyChoice,
    pretreatment::Pretreatment,
    values::{Lines, SplitError, split},
};
use crate::storage::RecordBlock;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Most faults that are listed one by one in an answer.
const LISTED: usize = 1_000;
/// Bytes that a record needs in the log beside key and payload.
const RECORD_HEAD: usize = 20;
/// Stands for a faulty record among the records of a request.
pub(super) const FAULTY: u32 = u32::MAX;

/// One refused record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fault {
    /// Place among the request's records, from 0.
    pub record: usize,
    /// Line of the body where it begins, from 1.
    pub line: usize,
    pub reason: String,
}

/// All refused records of a request: each is counted, the first 1,000 are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Faults {
    pub count: usize,
    pub listed: Vec<Fault>,
}

/// A record ready for its shard.
#[derive(Debug)]
pub(super) struct Ready<'b> {
    pub payload: &'b [u8],
    key: Range<usize>,
    /// Place in [`Prepared::shares`].
    pub share: u32,
}

/// What one shard gets of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub shard: u32,
    pub records: u32,
    /// Payload and key bytes.
    pub bytes: u64,
}

impl Share {
    /// A block with room for the share.
    pub(super) fn empty_block(&self) -> RecordBlock {
        let records = usize::try_from(self.records).unwrap_or(0);
        RecordBlock::with_capacity(usize::try_from(self.bytes).unwrap_or(0) + records * RECORD_HEAD)
    }
}

/// A request's records, in the order they were sent.
#[derive(Debug, Default)]
pub(super) struct Prepared<'b> {
    keys: Vec<u8>,
    pub ready: Vec<Ready<'b>>,
    /// For each record sent: its share, or [`FAULTY`].
    pub entries: Vec<u32>,
    pub shares: Vec<Share>,
    pub faults: Faults,
}

/// The rules for the records of one target.
#[derive(Debug)]
pub(super) struct Rules<'r> {
    pub max_records: usize,
    /// Largest payload, in bytes.
    pub max_record: usize,
    pub pretreatment: &'r Pretreatment,
    pub key: KeyChoice<'r>,
}

impl Prepared<'_> {
    pub(super) fn key(&self, ready: &Ready<'_>) -> &[u8] {
        self.keys.get(ready.key.clone()).unwrap_or_default()
    }
}

/// Splits a body and decides on each record. `route` answers the shard of a partition key.
///
/// # Errors
/// The answer to give when no record can be taken.
pub(super) fn prepare<'b>(
    body: &'b [u8],
    rules: &Rules<'_>,
    random: &mut SmallRng,
    route: impl Fn(&[u8]) -> u32,
) -> Result<Prepared<'b>, Reply> {
    let items = split(body, rules.max_records).map_err(|error| refused_whole(&error))?;
    let mut lines = Lines::new(body);
    let mut prepared = Prepared {
        ready: Vec::with_capacity(items.len()),
        entries: Vec::with_capacity(items.len()),
        ..Prepared::default()
    };
    for (record, item) in items.into_iter().enumerate() {
        let start = prepared.keys.len();
        match item.value.and_then(|payload| accept(payload, rules, random, &mut prepared.keys)) {
            Ok(payload) => {
                let key = start..prepared.keys.len();
                let shard = route(prepared.keys.get(start..).unwrap_or_default());
                let share = prepared.share(shard, (payload.len() + key.len()) as u64);
                prepared.entries.push(share);
                prepared.ready.push(Ready { payload, key, share });
            }
            Err(reason) => {
                prepared.keys.truncate(start);
                prepared.entries.push(FAULTY);
                prepared.faults.count += 1;
                if prepared.faults.listed.len() < LISTED {
                    let line = lines.line_at(item.offset);
                    prepared.faults.listed.push(Fault { record, line, reason });
                }
            }
        }
    }
    if prepared.ready.is_empty() { Err(all_faulty(&prepared.faults)) } else { Ok(prepared) }
}

/// A payload that meets all rules, its key written to the end of `keys`.
fn accept<'b>(
    payload: &'b [u8],
    rules: &Rules<'_>,
    random: &mut SmallRng,
    keys: &mut Vec<u8>,
) -> Result<&'b [u8], String> {
    if payload.len() > rules.max_record {
        return Err(format!("the record has {} bytes; {} are allowed", payload.len(), rules.max_record));
    }
    if let Some(reason) = rules.pretreatment.fault(payload) {
        return Err(reason);
    }
    rules.key.write(payload, random, keys)?;
    Ok(payload)
}

impl Prepared<'_> {
    /// Counts a record for a shard; answers the place of the shard's share.
    fn share(&mut self, shard: u32, bytes: u64) -> u32 {
        // Records of one request often go to one shard, or to few.
        let place = match self.shares.iter().position(|share| share.shard == shard) {
            Some(place) => place,
            None => {
                self.shares.push(Share { shard, records: 0, bytes: 0 });
                self.shares.len() - 1
            }
        };
        if let Some(share) = self.shares.get_mut(place) {
            share.records += 1;
            share.bytes += bytes;
        }
        u32::try_from(place).unwrap_or(FAULTY)
    }
}

fn refused_whole(error: &SplitError) -> Reply {
    let text = error.to_string();
    match error {
        SplitError::Empty => Reply::problem(400, &text, "send a JSON value, a JSON array or NDJSON"),
        SplitError::TooMany { .. } => {
            Reply::problem(413, &text, "send the records in several requests, or raise max_records")
        }
        SplitError::Array { .. } => Reply::problem(400, &text, "mend the array, or send NDJSON"),
    }
}

#[derive(Serialize)]
struct NothingTaken<'f> {
    error: String,
    remedy: &'static str,
    faulty: usize,
    faults: &'f [Fault],
}

fn all_faulty(faults: &Faults) -> Reply {
    let first = faults.listed.first();
    let error = first.map_or_else(String::new, |fault| format!("line {}: {}", fault.line, fault.reason));
    let remedy = "nothing was stored; mend the records and send them again";
    let body = NothingTaken { error, remedy, faulty: faults.count, faults: &faults.listed };
    Reply { body: serde_json::to_vec(&body).unwrap_or_default(), ..Reply::problem(400, "", "") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::ingress::field::Pointer;
    use rand::SeedableRng;

    fn prepared<'b>(
        body: &'b str,
        require: &[String],
        pointer: Option<&Pointer>,
    ) -> Result<Prepared<'b>, Reply> {
        let pretreatment = Pretreatment::read(require, &[]).unwrap();
        let key = KeyChoice { named: None, pointer };
        let rules = Rules { max_records: 10_000, max_record: 40, pretreatment: &pretreatment, key };
        let route = |key: &[u8]| u32::from(key.first().is_some_and(|first| *first >= b'5'));
        prepare(body.as_bytes(), &rules, &mut SmallRng::seed_from_u64(1), route)
    }

    #[test]
    fn good_records_are_shared_over_shards_and_faulty_ones_listed_by_line() {
        let station = Pointer::read("/s").unwrap();
        let body = "{\"s\":7}\n{\"s\":1}\nnot json\n{\"t\":1}\n{\"s\":8}\n";
        let found = prepared(body, &["/s".to_owned()], Some(&station)).unwrap();
        assert_eq!(found.entries, [0, 1, FAULTY, FAULTY, 0]);
        let shares = [Share { shard: 1, records: 2, bytes: 16 }, Share { shard: 0, records: 1, bytes: 8 }];
        assert_eq!(found.shares, shares);
        let keys: Vec<_> = found.ready.iter().map(|ready| found.key(ready)).collect();
        assert_eq!(keys, [b"7", b"1", b"8"]);
        let faults: Vec<_> = found.faults.listed.iter().map(|fault| (fault.record, fault.line)).collect();
        assert_eq!(faults, [(2, 3), (3, 4)]);
        assert_eq!(found.faults.listed[1].reason, "/s is missing");
    }

    #[test]
    fn a_record_over_the_limit_is_a_fault_of_its_own() {
        let body = format!("{{\"a\":1}}\n{{\"a\":\"{}\"}}", "x".repeat(40));
        let found = prepared(&body, &[], None).unwrap();
        assert_eq!(found.faults.listed[0].reason, "the record has 48 bytes; 40 are allowed");
    }

    #[test]
    fn a_body_without_any_good_record_is_a_400_that_names_the_line() {
        let reply = prepared("\n\nnonsense", &[], None).unwrap_err();
        assert_eq!(reply.status, 400);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["faults"][0]["line"], 3);
        assert!(body["error"].as_str().unwrap().starts_with("line 3: expected"), "{body}");
        assert_eq!(prepared("", &[], None).unwrap_err().status, 400);
    }

    #[test]
    fn a_flood_of_faults_is_counted_but_not_all_listed() {
        let body = format!("1\n{}", "x\n".repeat(5_000));
        let found = prepared(&body, &[], None).unwrap();
        assert_eq!((found.faults.count, found.faults.listed.len()), (5_000, LISTED));
    }
}
