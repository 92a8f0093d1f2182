mod encoding;
mod pooling;
mod writing;

pub(crate) use encoding::expand;

use super::{Format, encode::Encoder};
use crate::storage::StoredRecord;
use bytes::Bytes;

/// The bytes of an object that holds these payloads, for tests of whatever reads objects.
pub(crate) fn encode_payloads(format: Format, payloads: &[&str]) -> Vec<u8> {
    let mut encoder = Encoder::new(format).unwrap();
    for (sequence, payload) in (0..).zip(payloads) {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        let (key, attributes) = (Bytes::from_static(b"key"), Bytes::new());
        let record =
            StoredRecord { sequence, arrived_at_ms: 0, key, attributes, payload, crc: 0, provenance: None };
        encoder.push(0, &record).unwrap();
    }
    encoder.finish().unwrap()
}
