//! Long answers, written a piece at a time while they are sent: what is written is still near when it is
//! copied to the connection, and no answer takes more memory than a piece and its longest structure.

use super::{Output, Protocol, Rows, cbor, json, sink::Length, sink::Sink};
use bytes::Bytes;
use std::{collections::VecDeque, fmt};

/// Most bytes of an answer that are copied to its connection at once: so many that a client which waits is not
/// woken for each few of them, and with what may be left of the piece before, no more than the room that the
/// library of HTTP keeps from one to the next.
pub const PIECE: usize = 120 << 10;

/// The body of an answer, whose length is known before it is written.
pub struct Pieces {
    protocol: Protocol,
    length: u64,
    parts: VecDeque<Part>,
    /// The structure with most bytes so far.
    longest: usize,
    /// Written and not yet given.
    ready: Bytes,
    /// The same memory, to be written again when what was given has been sent.
    memory: Bytes,
}

/// What is written one after the other.
enum Part {
    Bytes(Vec<u8>),
    Rows { rows: Rows, next: usize },
}

/// All of an answer but its long lists.
struct Parts {
    parts: VecDeque<Part>,
    open: Vec<u8>,
}

impl Pieces {
    pub(super) fn new(protocol: Protocol, output: &Output) -> Self {
        let mut around = Parts { parts: VecDeque::new(), open: Vec::new() };
        protocol.put(output, &mut around);
        let Parts { mut parts, open } = around;
        parts.push_back(Part::Bytes(open));
        let length: usize = parts.iter().map(|part| part.length(protocol)).sum();
        let (ready, memory) = (Bytes::new(), Bytes::new());
        Self { protocol, length: length as u64, parts, longest: 0, ready, memory }
    }

    /// Bytes of all pieces.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes structures until there is a piece of them.
    fn write(&mut self) {
        let mut out = self.room();
        while out.is_empty() || out.len() + self.longest <= PIECE {
            let before = out.len();
            match self.parts.front_mut() {
                None => break,
                Some(Part::Rows { rows, next }) if *next < rows.count() => {
                    self.protocol.put_row(rows, *next, &mut out);
                    *next += 1;
                    self.longest = self.longest.max(out.len() - before);
                }
                Some(part) => {
                    part.finish(&mut out);
                    self.parts.pop_front();
                }
            }
        }
        self.ready = out.into();
        self.memory = self.ready.clone();
    }

    /// The memory of the piece before, if nobody reads it any more.
    fn room(&mut self) -> Vec<u8> {
        let mut memory = std::mem::take(&mut self.memory);
        if !memory.is_unique() {
            return Vec::with_capacity(PIECE);
        }
        memory.clear();
        memory.into()
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.ready.is_empty() {
            self.write();
        }
        let piece = self.ready.split_to(self.ready.len().min(PIECE));
        (!piece.is_empty()).then_some(piece)
    }
}

impl Part {
    fn length(&self, protocol: Protocol) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Rows { rows, .. } => {
                let mut length = Length::default();
                (0..rows.count()).for_each(|place| protocol.put_row(rows, place, &mut length));
                length.0
            }
        }
    }

    fn finish(&self, out: &mut Vec<u8>) {
        if let Self::Bytes(bytes) = self {
            out.extend_from_slice(bytes);
        }
    }
}

impl Sink for Parts {
    fn put(&mut self, bytes: &[u8]) {
        self.open.put(bytes);
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.open.base64(bytes);
    }

    fn written(&self) -> usize {
        self.open.written()
    }

    fn replace(&mut self, place: usize, bytes: &[u8]) {
        self.open.replace(place, bytes);
    }

    fn keeps(&mut self, rows: &Rows) -> bool {
        self.parts.push_back(Part::Bytes(std::mem::take(&mut self.open)));
        self.parts.push_back(Part::Rows { rows: rows.clone(), next: 0 });
        true
    }
}

impl Protocol {
    /// Writes an output into whatever takes it. XML is written by who knows its operation: see `Xml`.
    pub(super) fn put(self, output: &Output, out: &mut impl Sink) {
        match self {
            Self::Cbor => cbor::write(output, out),
            Self::Json | Self::JsonOne | Self::Query => json::write(output, out),
        }
    }

    /// Writes one structure of a list.
    fn put_row(self, rows: &Rows, place: usize, out: &mut impl Sink) {
        match self {
            Self::Cbor => cbor::write_row(rows, place, out),
            Self::Json | Self::JsonOne | Self::Query => json::write_row(rows, place, out),
        }
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pieces({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        Row, Tell, Timestamp,
        protocol::{
            decimal::{CHUNK, Digits},
            rows::name,
        },
    };
    use proptest::prelude::*;

    /// Structures of blobs of these lengths.
    #[derive(Debug, Clone)]
    struct Blobs(Vec<usize>);

    impl Tell for Blobs {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn size_hint(&self) -> usize {
            0
        }

        fn tell(&self, place: usize, row: &mut dyn Row) {
            let length = self.0.get(place).copied().unwrap_or_default();
            row.timestamp(name!("At"), Timestamp(1_700_000_000_000 + length as i64));
            row.blob(name!("Data"), &vec![length as u8; length]);
            row.number(name!("Number"), 19 + 19, &|| Digits::of([0, 0, CHUNK - 1, length as u64]));
            row.text(name!("Key"), ["plain", "\"quoted\"\n", "ключ"][length % 3]);
        }
    }

    fn output(lengths: Vec<usize>) -> Output {
        let (first, second) = (Blobs(lengths.clone()), Blobs(lengths));
        let inner = Output::new().with("Second", Rows::new(second)).with("Count", 7_i64);
        Output::new()
            .with("Before", "x")
            .with("First", Rows::new(first))
            .with("Inner", inner)
            .with("After", 1.5)
    }

    fn assert_same(lengths: Vec<usize>) {
        let output = output(lengths);
        for protocol in [Protocol::Json, Protocol::Cbor] {
            let whole = protocol.write(&output);
            let pieces = protocol.pieces(&output);
            assert_eq!(pieces.length(), whole.len() as u64);
            let pieces: Vec<Bytes> = pieces.collect();
            assert!(pieces.iter().all(|piece| (1..=PIECE).contains(&piece.len())));
            assert_eq!(pieces.concat(), whole);
        }
    }

    #[test]
    fn pieces_are_what_would_be_written_whole() {
        assert_same(Vec::new());
        assert_same(vec![0]);
        assert_same(vec![PIECE - 1, PIECE, 3 * PIECE, 1, 0, PIECE + 1]);
        assert_same(vec![1_024; 1_000]);
    }

    #[test]
    fn memory_is_used_again_unless_somebody_still_reads_it() {
        let mut pieces = Protocol::Json.pieces(&output(vec![1_000; 1_000]));
        let first = pieces.next().unwrap();
        let place = first.as_ptr();
        drop(first);
        let second = pieces.next().unwrap();
        assert_eq!(second.as_ptr(), place);
        let held = second.to_vec();
        let third = pieces.next().unwrap();
        assert_ne!(third.as_ptr(), place);
        assert_eq!(second, held);
    }

    proptest! {
        #[test]
        fn any_lists_come_out_whole(lengths in prop::collection::vec(0_usize..20_000, 0..30)) {
            assert_same(lengths);
        }
    }
}
