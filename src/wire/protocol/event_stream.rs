//! Frames of `application/vnd.amazon.eventstream`, all numbers big endian:
//!
//! ```text
//! length of the frame u32 | length of the headers u32 | CRC-32 of both u32 | headers | payload | CRC-32 of all before u32
//! header: length of the name u8 | name | 7 (text) u8 | length of the value u16 | value
//! ```

use super::{Output, Protocol, ServiceError};
use bytes::{BufMut as _, Bytes, BytesMut};
use crc_fast::CrcAlgorithm;

/// Of answers that are event streams.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The two lengths and their checksum.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
const TEXT: u8 = 7;

/// The first event of every stream: what the operation answers beside its events.
pub fn initial_response(protocol: Protocol) -> Bytes {
    event(protocol, "initial-response", &Output::new())
}

/// An event of a type, such as `SubscribeToShardEvent`.
pub fn event(protocol: Protocol, kind: &str, payload: &Output) -> Bytes {
    let headers =
        [(":event-type", kind), (":content-type", media_type(protocol)), (":message-type", "event")];
    frame(&headers, &protocol.write(payload))
}

/// An exception, after which the stream ends.
pub fn exception(protocol: Protocol, error: &ServiceError) -> Bytes {
    let headers = [
        (":exception-type", error.code),
        (":content-type", media_type(protocol)),
        (":message-type", "exception"),
    ];
    frame(&headers, &protocol.write(&error.told()))
}

/// Of payloads: they are plain, whatever the request was.
fn media_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Cbor => "application/cbor",
        Protocol::Json | Protocol::JsonOne | Protocol::Query => "application/json",
    }
}

/// Writes one frame. Names and values are constants of ours and codes of errors: all short.
fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let headers_length: usize =
        headers.iter().map(|(name, value)| 1 + name.len() + 1 + 2 + value.len()).sum();
    let length = PRELUDE + headers_length + payload.len() + CHECKSUM;
    let mut out = BytesMut::with_capacity(length);
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    out.put_u32(u32::try_from(headers_length).unwrap_or(u32::MAX));
    out.put_u32(checksum(&out));
    for (name, value) in headers {
        out.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.put_slice(name.as_bytes());
        out.put_u8(TEXT);
        out.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        out.put_slice(value.as_bytes());
    }
    out.put_slice(payload);
    out.put_u32(checksum(&out));
    out.freeze()
}

fn checksum(bytes: &[u8]) -> u32 {
    // The checksum has 32 bits of the 64 that hold it.
    (crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) & u64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers and payload of the first frame, all sums held, and what follows it.
    fn parsed(bytes: &[u8]) -> (Vec<(String, String)>, Vec<u8>, &[u8]) {
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let (length, headers_length) = (number(0) as usize, number(4) as usize);
        assert_eq!(number(8), checksum(&bytes[..8]));
        assert_eq!(number(length - 4), checksum(&bytes[..length - 4]));
        let (mut at, end) = (PRELUDE, PRELUDE + headers_length);
        let mut headers = Vec::new();
        while at < end {
            let name_end = at + 1 + usize::from(bytes[at]);
            assert_eq!(bytes[name_end], TEXT);
            let size = u16::from_be_bytes([bytes[name_end + 1], bytes[name_end + 2]]);
            let value_end = name_end + 3 + usize::from(size);
            let text = |from: usize, to: usize| String::from_utf8(bytes[from..to].to_vec()).unwrap();
            headers.push((text(at + 1, name_end), text(name_end + 3, value_end)));
            at = value_end;
        }
        (headers, bytes[end..length - 4].to_vec(), &bytes[length..])
    }

    fn header<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
        &headers.iter().find(|(known, _)| known == name).unwrap().1
    }

    #[test]
    fn checksums_are_those_of_zip() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(b""), 0);
    }

    #[test]
    fn a_frame_without_headers_and_payload_is_the_one_that_everybody_publishes() {
        let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(frame(&[], &[]), empty.as_slice());
    }

    #[test]
    fn events_come_back_with_their_types_in_both_protocols() {
        let payload = Output::new().with("MillisBehindLatest", 0_i64);
        for (protocol, kind) in [(Protocol::Json, "application/json"), (Protocol::Cbor, "application/cbor")] {
            let mut bytes = initial_response(protocol).to_vec();
            bytes.extend_from_slice(&event(protocol, "SubscribeToShardEvent", &payload));
            let (headers, first, rest) = parsed(&bytes);
            assert_eq!(header(&headers, ":event-type"), "initial-response");
            assert_eq!(first, protocol.write(&Output::new()));
            let (headers, second, rest) = parsed(rest);
            assert_eq!(header(&headers, ":event-type"), "SubscribeToShardEvent");
            assert_eq!(header(&headers, ":message-type"), "event");
            assert_eq!(header(&headers, ":content-type"), kind);
            assert_eq!(second, protocol.write(&payload));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn an_exception_tells_its_code_in_the_headers_and_its_message_in_the_payload() {
        let gone = ServiceError::bad_request("ResourceNotFoundException", "gone");
        let bytes = exception(Protocol::Json, &gone);
        let (headers, payload, _) = parsed(&bytes);
        assert_eq!(header(&headers, ":exception-type"), "ResourceNotFoundException");
        assert_eq!(header(&headers, ":message-type"), "exception");
        assert_eq!(payload, br#"{"message":"gone"}"#);
    }
}
