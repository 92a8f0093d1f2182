//! Every fuzz target, tried a few thousand times without a fuzzer.

use caudal_fuzz::{
    body_encoding, cbor, event_stream, json, query, queue_json, sequence_number, shapes, shard_iterator,
    signature,
};

type Target = fn(&[u8]);

const TARGETS: [(Target, &[u8]); 10] = [
    (json, b"\x19{\"StreamName\":\"a\",\"Records\":[{\"Data\":\"AAAA\",\"PartitionKey\":\"k\"}]}"),
    (cbor, b"\x19\xa1\x6aStreamName\x61a"),
    (queue_json, b"\x11{\"QueueUrl\":\"q\",\"MessageBody\":\"m\",\"MessageAttributes\":{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AAAA\"}}}"),
    (query, b"\x11QueueUrl=q&MessageBody=m%20+&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=AAAA"),
    (shapes, b"{\"StreamName\":\"a\"}"),
    (
        signature,
        b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/kinesis/aws4_request, \
        SignedHeaders=host;x-amz-date, Signature=00\nX-Amz-Expires=1\n20150830T123600Z\n/",
    ),
    (event_stream, b"bytes"),
    (shard_iterator, b"AAAAAAAAAAE="),
    (sequence_number, b"49590338271490256608559692538361571095921575989136588898"),
    (
        body_encoding,
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\x04\x00\xac\x2a\x93\xd8\x02\x00\x00\x00",
    ),
];

/// A few thousand changes of a sample, by a small generator of numbers.
#[test]
fn every_target_takes_its_sample_and_what_becomes_of_it() {
    for (target, sample) in TARGETS {
        target(sample);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..5_000 {
            let mut input = sample.to_vec();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (state >> 33) as usize % (input.len() + 1);
                match state >> 60 {
                    0..4 => input.truncate(at),
                    4..8 => input.insert(at, (state >> 16) as u8),
                    _ if at < input.len() => input[at] ^= 1 << (state >> 57 & 7),
                    _ => {}
                }
            }
            target(&input);
        }
    }
}
