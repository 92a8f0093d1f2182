//! Clients that say early that they will ask no more, and read on what they have asked for.
//!
//! The SDK for JavaScript sends GOAWAY as soon as an answer has begun, events of a subscription included.
//! The h2 0.3 below the server then ends all streams (its issue 885, mended in 0.4 only). So it is not
//! told: a frame of an unknown type is passed over (RFC 9113, 5.5), and who has what it waits for closes
//! the connection itself.

/// What a client of HTTP/2 sends before its first frame.
const PREFACE: usize = 24;
/// Length (3 bytes), type, flags, stream (4).
const HEADER: u8 = 9;
const TYPE: u8 = 3;
const GOAWAY: u8 = 7;
/// Of those left for experiments.
const UNKNOWN: u8 = 0xf7;

/// Where a client's bytes have come to.
#[derive(Debug)]
pub(super) struct Farewells {
    /// Bytes until the next header of a frame.
    skip: usize,
    /// Bytes of the header that have come.
    place: u8,
    /// What the header says, as far as it has come.
    length: usize,
}

impl Farewells {
    /// Of a connection that has just been opened.
    pub(super) fn new() -> Self {
        Self { skip: PREFACE, place: 0, length: 0 }
    }

    /// Makes each GOAWAY among the next bytes a frame without meaning.
    pub(super) fn hide(&mut self, bytes: &mut [u8]) {
        let mut left = bytes;
        loop {
            let step = self.skip.min(left.len());
            self.skip -= step;
            let Some((byte, rest)) = left.get_mut(step..).and_then(<[u8]>::split_first_mut) else { return };
            match self.place {
                0..TYPE => self.length = self.length << 8 | usize::from(*byte),
                TYPE if *byte == GOAWAY => *byte = UNKNOWN,
                _ => {}
            }
            self.place += 1;
            if self.place == HEADER {
                self.skip = std::mem::take(&mut self.length);
                self.place = 0;
            }
            left = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 7], payload].concat()
    }

    #[test]
    fn every_goaway_is_hidden_and_no_other_byte_is_changed_however_the_bytes_come() {
        let mut draw = StdRng::seed_from_u64(7);
        for _ in 0..200 {
            let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            let mut expected = sent.clone();
            for _ in 0..draw.random_range(1..40) {
                let payload = vec![GOAWAY; draw.random_range(0..600)];
                let kind = draw.random_range(0..10);
                sent.extend(frame(kind, &payload));
                expected.extend(frame(if kind == GOAWAY { UNKNOWN } else { kind }, &payload));
            }
            let mut farewells = Farewells::new();
            let mut left = sent.as_mut_slice();
            while !left.is_empty() {
                let (piece, rest) = left.split_at_mut(draw.random_range(1..=left.len().min(50)));
                farewells.hide(piece);
                left = rest;
            }
            assert!(sent == expected);
        }
    }
}
