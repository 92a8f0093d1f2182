//! Base64 as AWS reads it, with its texts for what is none.

use super::{rendering::cut, scalar::Mismatch};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

pub(super) fn decode(text: &str) -> Result<Bytes, Mismatch> {
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(format!("'{}' can not be converted to a Blob: {}", cut(text), fault(text))),
    }
}

/// Appends base64 to a text.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    out.resize(begin + bytes.len().div_ceil(3) * 4, 0);
    let place = out.get_mut(begin..).unwrap_or_default();
    // The place is exactly as long as the text.
    let _ = STANDARD.encode_slice(bytes, place);
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
    use super::*;

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
        }
    }
}
