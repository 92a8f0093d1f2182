//! The numbers by which an answer is told from others.

use crate::pipeline::random_uuid;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Bytes of `x-amz-id-2`, as AWS has them.
const EXTENDED: usize = 72;

/// A new `x-amzn-RequestId`: a random UUID.
pub(super) fn request_id() -> String {
    random_uuid()
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
