//! Lines out of a stream of bytes, each of bounded length; pure.

use bytes::{Bytes, BytesMut};

/// A line is longer than the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooLong {
    /// Its beginning.
    pub start: Bytes,
}

/// What has been read and not yet taken as lines.
#[derive(Debug)]
pub(super) struct Lines {
    heard: BytesMut,
    /// This many bytes hold no line feed.
    searched: usize,
    longest: usize,
}

/// Room made for each read, in bytes.
const PIECE: usize = 64 << 10;
const QUOTED: usize = 200;

impl Lines {
    /// `longest` is the most bytes of a line, without its line feed.
    pub fn new(longest: usize) -> Self {
        Self { heard: BytesMut::new(), searched: 0, longest }
    }

    /// Where to read into.
    pub fn room(&mut self) -> &mut BytesMut {
        self.heard.reserve(PIECE);
        &mut self.heard
    }

    /// The next whole line, without its line feed.
    ///
    /// # Errors
    /// [`TooLong`] when the line under way is over the limit already.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, TooLong> {
        let unsearched = self.heard.get(self.searched..).unwrap_or_default();
        let Some(found) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.heard.len();
            return if self.searched > self.longest { Err(self.too_long()) } else { Ok(None) };
        };
        let length = self.searched + found;
        if length > self.longest {
            return Err(self.too_long());
        }
        self.searched = 0;
        let mut line = self.heard.split_to(length + 1).freeze();
        line.truncate(length);
        Ok(Some(line))
    }

    fn too_long(&self) -> TooLong {
        TooLong { start: Bytes::copy_from_slice(self.heard.get(..QUOTED).unwrap_or(&self.heard)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BufMut;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_come_out_whole_however_the_bytes_arrive(
            text in proptest::collection::vec(prop_oneof![4 => Just(b'x'), 1 => Just(b'\n')], 0..200),
            piece in 1_usize..20,
        ) {
            let mut lines = Lines::new(1_000);
            let mut got = Vec::new();
            for part in text.chunks(piece) {
                lines.room().put_slice(part);
                while let Some(line) = lines.next_line().unwrap() {
                    got.push(line.to_vec());
                }
            }
            let mut expected: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            expected.pop();
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn a_line_over_the_limit_is_refused_before_and_after_its_end() {
        for text in [&b"abcdef"[..], b"abcdef\n", b"abcdef\nabc\n"] {
            let mut lines = Lines::new(5);
            lines.room().put_slice(text);
            assert!(lines.next_line().unwrap_err().start.starts_with(b"abcdef"));
        }
        let mut lines = Lines::new(5);
        lines.room().put_slice(b"abcde\n");
        assert_eq!(lines.next_line(), Ok(Some(Bytes::from_static(b"abcde"))));
    }
}
