//! The readers of the Kinesis API that know neither streams nor a store.

#[path = "../../../src/wire/kinesis/model/mod.rs"]
mod model;
#[path = "../../../src/wire/seal.rs"]
mod seal;
#[path = "../../../src/wire/kinesis/sequence_number/mod.rs"]
mod sequence_number;
#[path = "../../../src/wire/kinesis/shard_iterator.rs"]
mod shard_iterator;
#[path = "../../../src/wire/kinesis/shard_name.rs"]
mod shard_name;

pub use model::OPERATIONS;

/// The one refusal that these readers need of the service's.
mod errors {
    use crate::wire::ServiceError;

    pub(super) fn invalid_argument(message: impl Into<String>) -> ServiceError {
        ServiceError::bad_request("InvalidArgumentException", message)
    }
}

const NOW: i64 = 1_700_000_000_000;

/// An iterator that was not sealed here is refused; one that was comes back as it was.
pub fn iterator(data: &[u8]) {
    let seal = seal::Seal::new(b"secret");
    let text = String::from_utf8_lossy(data);
    assert!(shard_iterator::ShardIterator::open(&seal, &text, NOW).is_err());
    let name = |at: usize| text.chars().skip(at * 64).take(64).collect::<String>();
    let number = data.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    let iterator = shard_iterator::ShardIterator {
        account: name(0).chars().take(12).collect(),
        region: name(1).chars().take(32).collect(),
        stream: name(2).chars().take(32).collect(),
        shard: number as u32,
        shard_created_at_ms: number as i64,
        position: number,
    };
    let sealed = iterator.close(&seal, NOW);
    assert_eq!(shard_iterator::ShardIterator::open(&seal, &sealed, NOW + 1), Ok(iterator));
}

/// A number that can be read is written as the same number; names of shards are read beside it.
pub fn sequence_number(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(number) = sequence_number::SequenceNumber::parse(&text)
        && number.version == 2
    {
        assert_eq!(sequence_number::SequenceNumber::parse(&number.to_string()), Ok(number));
    }
    let _ = sequence_number::SequenceNumber::restated(&text);
    if let Some(index) = shard_name::shard_index(&text) {
        assert_eq!(shard_name::shard_index(&shard_name::shard_name(index)), Some(index));
    }
}
