//! The numbers by which an answer is told from others.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Bytes of `x-amz-id-2`, as AWS has them.
const EXTENDED: usize = 72;

/// A new `x-amzn-RequestId`: a random UUID.
pub(super) fn request_id() -> String {
    random_uuid()
}

/// A random UUID.
pub(in crate::wire) fn random_uuid() -> String {
    uuid_of(rand::random())
}

/// These bits as a UUID.
pub(in crate::wire) fn uuid_of(random: u128) -> String {
    // Version 4, variant 1.
    let marked = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{marked:032x}");
    let (mut text, mut rest) = (String::with_capacity(36), hex.as_str());
    for length in [8, 4, 4, 4] {
        let (part, others) = rest.split_at_checked(length).unwrap_or((rest, ""));
        text.push_str(part);
        text.push('-');
        rest = others;
    }
    text.push_str(rest);
    text
}

/// A new `x-amz-id-2`.
pub(super) fn extended_request_id() -> String {
    STANDARD.encode(rand::random::<[u8; EXTENDED]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_random_uuids() {
        let ids: Vec<String> = (0..100).map(|_| request_id()).collect();
        for id in &ids {
            let parts: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
            assert!(id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
        assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1));
        assert_eq!(STANDARD.decode(extended_request_id()).unwrap().len(), EXTENDED);
    }
}
