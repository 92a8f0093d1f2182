//! What a collector does with a body before the log, by itself: benches hold it beside a copy of the same bytes,
//! without sockets, tasks and a disk.

use super::{
    ConditionError, IngressSection,
    field::Pointer,
    key::KeyChoice,
    prepare::{Rules, prepare},
    pretreatment::Pretreatment,
};
use crate::storage::RecordBlock;
use rand::{SeedableRng, rngs::SmallRng};

/// Finds, checks and keys the records of bodies, by the rules of an ingress and of one target.
#[derive(Debug)]
pub struct BodyParser {
    pretreatment: Pretreatment,
    pointer: Option<Pointer>,
    max_records: usize,
    max_record: usize,
    random: SmallRng,
}

impl BodyParser {
    /// `partition_key` is a JSON pointer, as the target's section has it; `max_record` is in bytes.
    ///
    /// # Errors
    /// [`ConditionError`] for a pointer or a condition that cannot be read.
    pub fn new(
        section: &IngressSection,
        partition_key: Option<&str>,
        max_record: usize,
    ) -> Result<Self, ConditionError> {
        Ok(Self {
            pretreatment: Pretreatment::read(&section.require, &section.check)?,
            pointer: partition_key.map(Pointer::of_partition_key).transpose()?,
            max_records: usize::try_from(section.max_records).unwrap_or(usize::MAX),
            max_record,
            random: SmallRng::from_os_rng(),
        })
    }

    /// The good records of a body as blocks of the log, one for each shard that `route` answers for their
    /// partition keys; none when the body is refused.
    pub fn parse(
        &mut self,
        body: &[u8],
        now_ms: i64,
        route: impl Fn(&[u8]) -> u32,
    ) -> Vec<(u32, RecordBlock)> {
        let rules = Rules {
            max_records: self.max_records,
            max_record: self.max_record,
            pretreatment: &self.pretreatment,
            key: KeyChoice { named: None, pointer: self.pointer.as_ref() },
        };
        let Ok(prepared) = prepare(body, &rules, &mut self.random, route) else { return Vec::new() };
        let mut blocks: Vec<_> =
            prepared.shares.iter().map(|share| (share.shard, share.empty_block())).collect();
        for ready in &prepared.ready {
            let place = usize::try_from(ready.share).ok();
            if let Some((_, block)) = place.and_then(|place| blocks.get_mut(place)) {
                block.push(now_ms, prepared.key(ready), b"", ready.payload);
            }
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parser(require: &str) -> BodyParser {
        let section = format!("to = \"trips\"\nrequire = [{require}]");
        BodyParser::new(&toml::from_str(&section).unwrap(), Some("/station"), 1 << 20).unwrap()
    }

    #[test]
    fn the_good_records_of_a_body_lie_in_the_blocks_of_their_shards() {
        let body = "{\"station\":90}\nno json\n{\"station\":7}\n{\"other\":1}\n{\"station\":9}";
        let blocks = parser("\"/station\"").parse(body.as_bytes(), 0, |key| u32::from(key[0] == b'9'));
        let counts: Vec<_> = blocks.iter().map(|(shard, block)| (*shard, block.count())).collect();
        assert_eq!(counts, [(1, 2), (0, 1)]);
    }

    #[test]
    fn a_body_without_a_good_record_gives_no_block() {
        assert!(parser("\"/station\"").parse(b"{\"other\":1}", 0, |_| 0).is_empty());
    }
}
