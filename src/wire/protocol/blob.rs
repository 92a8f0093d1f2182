//! Base64 as AWS reads it, with its texts for what is none. The bulk goes by tables, sixteen letters at a
//! time: a request of half a megabyte is mostly this.

use super::{rendering::cut, scalar::Mismatch};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};

/// Letters, and the bytes they stand for, that are turned at once.
const LETTERS: usize = 16;
const BYTES: usize = 12;
/// Marks what is no letter, above the 24 bits of four letters.
const NONE: u32 = 1 << 24;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a letter adds to the three bytes of its four, the first of them lowest, by its place.
static PLACED: [[u32; 256]; 4] = [placed(0), placed(1), placed(2), placed(3)];
/// Two letters for each twelve bits, the first of them lowest.
static PAIRS: [u16; 4096] = pairs();

#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which refuses a wrong index")]
const fn placed(place: usize) -> [u32; 256] {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        let bits = (value as u32) << (18 - 6 * place);
        table[ALPHABET[value] as usize] = (bits >> 16) | (bits & 0xff00) | ((bits & 0xff) << 16);
        value += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which refuses a wrong index")]
const fn pairs() -> [u16; 4096] {
    let mut table = [0; 4096];
    let mut value = 0;
    while value < 4096 {
        table[value] = u16::from_le_bytes([ALPHABET[value >> 6], ALPHABET[value & 63]]);
        value += 1;
    }
    table
}

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
        let (mut letters, mut length) = (0, 0);
        let mut places: &mut [u8] = &mut self.rest;
        while let Some(block) = text.get(letters..).and_then(<[u8]>::first_chunk)
            && let Some((place, left)) = places.split_first_chunk_mut()
            && turn(block, place)
        {
            (letters, length, places) = (letters + LETTERS, length + BYTES, left);
        }
        loop {
            let four = match text.get(letters..)? {
                [b'"', rest @ ..] => return Some((self.rest.split_to(length).freeze(), rest)),
                [first, second, b'=', b'=', b'"', ..] => ([*first, *second, b'A', b'A'], 1),
                [first, second, third, b'=', b'"', ..] => ([*first, *second, *third, b'A'], 2),
                [first, second, third, fourth, ..] => ([*first, *second, *third, *fourth], 3),
                _ => return None,
            };
            let (quad, count) = four;
            let [bytes @ .., flaw] = value(quad).to_le_bytes();
            // What is cut off has to be zero.
            let is_whole = bytes.iter().skip(count).all(|byte| *byte == 0);
            if flaw != 0 || !is_whole {
                return None;
            }
            self.rest.get_mut(length..length + count)?.copy_from_slice(bytes.get(..count)?);
            length += count;
            letters += 4;
        }
    }
}

/// What a letter adds at one place.
#[inline]
fn look(table: &[u32; 256], letter: u8) -> u32 {
    table.get(usize::from(letter)).copied().unwrap_or(NONE)
}

/// The bytes of four letters, and [`NONE`] when there is another among them.
#[inline]
fn value([a, b, c, d]: [u8; 4]) -> u32 {
    let [first, second, third, fourth] = &PLACED;
    look(first, a) | look(second, b) | look(third, c) | look(fourth, d)
}

/// Decodes a block if it has nothing but letters.
#[inline]
fn turn(block: &[u8; LETTERS], place: &mut [u8; BYTES]) -> bool {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *block;
    let [first, second] = [value([a, b, c, d]), value([e, f, g, h])];
    let [third, fourth] = [value([i, j, k, l]), value([m, n, o, p])];
    if (first | second | third | fourth) & NONE != 0 {
        return false;
    }
    let low = u64::from(first) | u64::from(second) << 24 | u64::from(third) << 48;
    let high = third >> 16 | fourth << 8;
    let Some((eight, rest)) = place.split_first_chunk_mut() else { return false };
    let Some((four, _)) = rest.split_first_chunk_mut() else { return false };
    (*eight, *four) = (low.to_le_bytes(), high.to_le_bytes());
    true
}

pub(super) fn decode(text: &str) -> Result<Bytes, Mismatch> {
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(format!("'{}' can not be converted to a Blob: {}", cut(text), fault(text))),
    }
}

/// The letters of three bytes, the first of them lowest.
#[inline]
fn four(a: u8, b: u8, c: u8) -> u32 {
    let bits = u32::from_be_bytes([0, a, b, c]);
    let pair = |bits: u32| u32::from(PAIRS.get((bits & 0xfff) as usize).copied().unwrap_or_default());
    pair(bits >> 12) | pair(bits) << 16
}

/// Appends base64 to a text.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let (blocks, last) = bytes.as_chunks::<BYTES>();
    out.reserve(bytes.len().div_ceil(3) * 4);
    for [a, b, c, d, e, f, g, h, i, j, k, l] in blocks {
        let low = u64::from(four(*a, *b, *c)) | u64::from(four(*d, *e, *f)) << 32;
        let high = u64::from(four(*g, *h, *i)) | u64::from(four(*j, *k, *l)) << 32;
        out.extend_from_slice(&(u128::from(low) | u128::from(high) << 64).to_le_bytes());
    }
    let mut end = [0; LETTERS];
    // Fewer than twelve bytes have at most sixteen letters.
    let length = STANDARD.encode_slice(last, &mut end).unwrap_or(0);
    out.extend_from_slice(end.get(..length).unwrap_or_default());
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
