//! What an answer is written into: bytes, or nothing but their count.

use super::{Rows, blob, decimal::Digits};

/// Takes what a writer writes. One writer serves them all, so that what is counted is what is written.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);

    fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// Puts so many digits, which are made only to be written.
    fn digits(&mut self, _length: usize, digits: &dyn Fn() -> Digits) {
        self.put(digits().as_bytes());
    }

    /// Puts bytes as base64.
    fn base64(&mut self, bytes: &[u8]);

    /// How many bytes there are by now.
    fn written(&self) -> usize;

    /// Puts others in place of the byte at `place`.
    fn replace(&mut self, place: usize, bytes: &[u8]);

    /// Whether a list's structures are kept to be written later.
    fn keeps(&mut self, _rows: &Rows) -> bool {
        false
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.push(byte);
    }

    fn base64(&mut self, bytes: &[u8]) {
        blob::encode(bytes, self);
    }

    fn written(&self) -> usize {
        self.len()
    }

    fn replace(&mut self, place: usize, bytes: &[u8]) {
        match (bytes, self.get_mut(place)) {
            (&[one], Some(replaced)) => *replaced = one,
            (_, Some(_)) => drop(self.splice(place..=place, bytes.iter().copied())),
            (_, None) => {}
        }
    }
}

/// How many bytes are written.
#[derive(Debug, Default)]
pub(super) struct Length(pub usize);

impl Sink for Length {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn digits(&mut self, length: usize, _digits: &dyn Fn() -> Digits) {
        self.0 += length;
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.0 += blob::encoded(bytes.len());
    }

    fn written(&self) -> usize {
        self.0
    }

    fn replace(&mut self, _place: usize, bytes: &[u8]) {
        self.0 += bytes.len() - 1;
    }
}
