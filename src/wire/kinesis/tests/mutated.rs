//! Changed inputs of each reader of this service: read or refused, in bounded memory.

use super::{
    models::{Size, request},
    *,
};
use crate::wire::{
    kinesis::{
        list_token,
        seal::Seal,
        sequence_number::{Origin, SequenceNumber},
        shard_iterator::ShardIterator,
        shard_name::shard_index,
    },
    mutation::{CASES, Mutator},
    protocol::{Input, Value as Read},
};

const NOW: i64 = 1_700_000_000_000;

/// Pieces of JSON, of CBOR, and of what a Kinesis request is made of.
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"true",
    b"\"\"",
    b":",
    b",",
    b"\\u0000",
    b"\\ud800",
    b"-1",
    b"1e400",
    b"99999999999999999999",
    b"{\"a\":",
    b"\xff",
    b"\x9f",
    b"\xbf",
    b"\x5f",
    b"\x7f",
    b"\xc1",
    b"\xf6",
    b"\xf7",
    b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\xa1\x61a",
    b"AAAA",
    b"\"StreamName\":",
    b"arn:aws:kinesis:",
    b"LATEST",
];

/// Values of an input, and bytes of its texts and blobs.
fn held(input: &Input) -> (usize, usize) {
    input.fields().fold((0, 0), |sum, (_, value)| match value {
        Some(value) => add(sum, add((1, 0), held_by(value))),
        None => add(sum, (1, 0)),
    })
}

fn held_by(value: &Read) -> (usize, usize) {
    let all = |values: &mut dyn Iterator<Item = Option<&Read>>| {
        values.fold((0, 0), |sum, value| add(sum, add((1, 0), value.map(held_by).unwrap_or_default())))
    };
    match value {
        Read::Text(text) => (0, text.len()),
        Read::Blob(bytes) => (0, bytes.len()),
        Read::List(items) => all(&mut items.iter().map(Option::as_ref)),
        Read::Map(entries) => {
            let keys = entries.iter().map(|(key, _)| key.len()).sum();
            add((0, keys), all(&mut entries.iter().map(|(_, value)| value.as_ref())))
        }
        Read::Structure(input) => held(input),
        _ => (0, 0),
    }
}

fn add(one: (usize, usize), other: (usize, usize)) -> (usize, usize) {
    (one.0 + other.0, one.1 + other.1)
}

#[test]
fn changed_requests_of_every_operation_are_read_or_refused_in_bounded_memory() {
    for (protocol, seed) in BOTH.into_iter().zip([4_566, 4_567]) {
        let mut read = 0;
        for (place, operation) in (0..).zip(&OPERATIONS) {
            let samples = [Size::Least, Size::Most].map(|size| {
                let mut sample = protocol.write(&request(operation.input, size, false));
                sample.truncate(8 << 10);
                sample
            });
            let mut mutator = Mutator::new(seed + place, samples.to_vec(), PIECES);
            for case in 0..CASES / OPERATIONS.len() {
                let body = mutator.next();
                let length = body.len();
                match protocol.read(operation.input, &body.into()) {
                    Ok(input) => {
                        let (values, bytes) = held(&input);
                        assert!(values <= 100_001 && bytes <= length, "{} {case}", operation.name);
                        read += 1;
                    }
                    Err(refused) => {
                        let is_clean =
                            ["SerializationException", "ValidationException"].contains(&refused.code);
                        assert!(is_clean && refused.status == 400, "{} {case}: {refused}", operation.name);
                        assert!(refused.message.len() < 512 << 10, "{} {case}", operation.name);
                    }
                }
            }
        }
        assert!(read > CASES / 200, "{protocol:?}: only {read} were read; the changes are too wild");
    }
}

fn texts(mutator: &mut Mutator) -> impl Iterator<Item = String> {
    std::iter::repeat_with(|| String::from_utf8_lossy(&mutator.next()).into_owned()).take(CASES)
}

#[test]
fn changed_sequence_numbers_are_read_or_refused() {
    let origin = Origin::new(NOW, 7, true);
    let numbers = [origin.starting(), origin.number(5, NOW), origin.ending(NOW)].map(|n| n.to_string());
    let samples = numbers.into_iter().chain(["0".to_owned(), "9".repeat(58)]).map(String::into_bytes);
    let mut mutator = Mutator::new(1, samples.collect(), &[b"0", b"9", b"-", b" ", b"\xd9\xa1"]);
    for text in texts(&mut mutator) {
        if let Some(number) = SequenceNumber::parse(&text).ok().filter(|number| number.version == 2) {
            assert_eq!(SequenceNumber::parse(&number.to_string()), Ok(number), "{text}");
        }
        assert!(SequenceNumber::restated(&text).len() <= text.len().max(58));
    }
}

#[test]
fn changed_names_of_shards_name_a_shard_or_none() {
    let samples = ["shardId-000000000007", "7", "a-7"].map(|name| name.as_bytes().to_vec());
    let mut mutator = Mutator::new(2, samples.to_vec(), &[b"-", b"0", b"9999999999", b"shardId-"]);
    for name in texts(&mut mutator) {
        assert!(shard_index(&name).is_none_or(|index| i32::try_from(index).is_ok()), "{name}");
    }
}

#[test]
fn changed_iterators_and_tokens_are_never_taken() {
    let seal = Seal::new(b"secret");
    let iterator = ShardIterator {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        stream: "trips".to_owned(),
        shard: 3,
        shard_created_at_ms: NOW - 5_000,
        position: 42,
    };
    let given = [iterator.close(&seal, NOW), list_token::close(&seal, "ListStreams", "trips", NOW)];
    let samples = given.clone().map(String::into_bytes).to_vec();
    let mut mutator = Mutator::new(3, samples, &[b"AAAA", b"=", b"\"", b"/+"]);
    for text in texts(&mut mutator) {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&text);
        if let Ok(read) = ShardIterator::open(&seal, &text, NOW) {
            assert!(read == iterator && bare == given[0], "{text}");
        }
        if let Ok(read) = list_token::open::<String>(&seal, "ListStreams", &text, NOW) {
            assert!(read == "trips" && text == given[1], "{text}");
        }
    }
}
