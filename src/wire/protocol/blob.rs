//! Base64 as AWS reads it, with its texts for what is none. A request of half a megabyte, or an answer of ten, is
//! mostly this.

use super::{rendering::cut, scalar::Mismatch};
use base64_simd::{AsOut, STANDARD};
use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// Where blobs of a request are put, one after the other: one piece of memory for all of them.
pub(super) struct Arena {
    rest: BytesMut,
}

impl Arena {
    /// Room for all base64 that a body of this length can hold.
    pub(super) fn of_body(length: usize) -> Self {
        Self { rest: BytesMut::zeroed(length / 4 * 3) }
    }

    /// Decodes the base64 that a text begins with, up to a quote; gives the blob and what follows the quote.
    /// `None` for all that is not plain: then [`decode`] says what is wrong, or reads it all the same.
    pub(super) fn take<'t>(&mut self, text: &'t [u8]) -> Option<(Bytes, &'t [u8])> {
        let (letters, rest) = text.split_at_checked(memchr(b'"', text)?)?;
        let place = self.rest.get_mut(..letters.len().div_ceil(4) * 3)?;
        let length = STANDARD.decode(letters, place.as_out()).ok()?.len();
        Some((self.rest.split_to(length).freeze(), rest.get(1..)?))
    }
}

pub(super) fn decode(text: &str) -> Result<Bytes, Mismatch> {
    match STANDARD.decode_to_vec(text) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(format!("'{}' can not be converted to a Blob: {}", cut(text), fault(text))),
    }
}

/// How many letters so many bytes become.
pub(super) const fn encoded(length: usize) -> usize {
    length.div_ceil(3) * 4
}

/// Appends base64 to a text.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    // The library makes room for no more than it needs, which would copy a long answer again and again.
    out.reserve(encoded(bytes.len()));
    STANDARD.encode_append(bytes, out);
}

fn fault(text: &str) -> String {
    if !text.len().is_multiple_of(4) {
        let length = text.encode_utf16().count();
        return format!("Base64 encoded length is expected a multiple of 4 bytes but found: {length}");
    }
    match wrong_character(text) {
        Some(wrong) => format!("Invalid Base64 character: '{wrong}'"),
        // The spelling is AWS's.
        None => "Invalid last non-pad Base64 character dectected".to_owned(),
    }
}

/// The first that base64 has not, or a padding that something follows.
fn wrong_character(text: &str) -> Option<char> {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_known = letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=');
        if !is_known || (letter == '=' && letters.peek().is_some_and(|next| *next != '=')) {
            return Some(letter);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Arena, Bytes, decode, encode};
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use proptest::prelude::*;

    #[test]
    fn what_is_no_base64_is_refused_in_the_words_of_aws() {
        let told = |text: &str| decode(text).unwrap_err();
        assert_eq!(
            told("23456"),
            "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5"
        );
        assert_eq!(told("=+/="), "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='");
        assert_eq!(
            told("+/+="),
            "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected"
        );
        assert!(told("ab c").ends_with("Invalid Base64 character: ' '"));
    }

    #[test]
    fn bytes_come_back() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            let mut text = b"before".to_vec();
            encode(&bytes, &mut text);
            let text = std::str::from_utf8(&text[6..]).unwrap();
            assert_eq!(decode(text).unwrap(), bytes);
            assert_eq!(text, STANDARD.encode(&bytes));
        }
    }

    #[test]
    fn blobs_of_a_request_lie_one_after_the_other() {
        let blobs: Vec<Vec<u8>> = (0..70_u8).map(|length| vec![length ^ 0xa5; length.into()]).collect();
        let text: String = blobs.iter().map(|blob| STANDARD.encode(blob) + "\"").collect();
        let (mut arena, mut rest) = (Arena::of_body(text.len()), text.as_bytes());
        for blob in blobs {
            let (found, after) = arena.take(rest).unwrap();
            assert_eq!(found, blob);
            rest = after;
        }
        assert!(rest.is_empty() && arena.take(rest).is_none());
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_is_decoded(text in "[A-Da-d09+/=\\\\é \\-]{0,24}") {
            let quoted = text.clone() + "\"";
            let taken = Arena::of_body(quoted.len() * 2).take(quoted.as_bytes()).map(|(blob, _)| blob);
            prop_assert_eq!(taken, STANDARD.decode(&text).ok().map(Bytes::from));
        }
    }
}
