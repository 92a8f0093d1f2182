//! The items of a body, one header after the other. Strings are taken out of the body itself, never
//! by a length that somebody claims.

use bytes::{Buf as _, Bytes};
use ciborium_ll::{Decoder, Header};

/// A body from where it is read on. Anything that is not CBOR is `None`.
pub(super) struct Items {
    body: Bytes,
}

impl Items {
    pub(super) fn new(body: Bytes) -> Self {
        Self { body }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.body.is_empty()
    }

    /// The next header.
    pub(super) fn next(&mut self) -> Option<Header> {
        let mut rest: &[u8] = &self.body;
        let header = Decoder::from(&mut rest).pull().ok()?;
        let taken = self.body.len().checked_sub(rest.len())?;
        self.body.advance(taken);
        Some(header)
    }

    /// The bytes that follow a header of bytes or text.
    fn slice(&mut self, length: usize) -> Option<Bytes> {
        (length <= self.body.len()).then(|| self.body.split_to(length))
    }

    /// The content of a byte string; a whole one is shared with the body.
    pub(super) fn bytes(&mut self, length: Option<usize>) -> Option<Bytes> {
        match length {
            Some(length) => self.slice(length),
            None => self.segments(|header| match header {
                Header::Bytes(length) => length,
                _ => None,
            }),
        }
    }

    /// The content of a text.
    pub(super) fn text(&mut self, length: Option<usize>) -> Option<String> {
        self.with_text(length, ToOwned::to_owned)
    }

    /// Looks at the content of a text where it lies; `None` when it is not UTF-8.
    pub(super) fn with_text<T>(&mut self, length: Option<usize>, look: impl FnOnce(&str) -> T) -> Option<T> {
        let bytes = match length {
            Some(length) => self.slice(length)?,
            None => self.segments(|header| match header {
                Header::Text(length) => length,
                _ => None,
            })?,
        };
        std::str::from_utf8(&bytes).ok().map(look)
    }

    fn segments(&mut self, length: fn(Header) -> Option<usize>) -> Option<Bytes> {
        let mut whole = Vec::new();
        loop {
            match self.next()? {
                Header::Break => return Some(whole.into()),
                header => whole.extend_from_slice(&self.slice(length(header)?)?),
            }
        }
    }
}

/// How many items are still to come.
pub(super) struct Count(Option<usize>);

impl Count {
    pub(super) fn new(length: Option<usize>) -> Self {
        Self(length)
    }

    /// The header of the next item, or `Ok(None)` behind the last.
    pub(super) fn next(&mut self, items: &mut Items) -> Option<Option<Header>> {
        match &mut self.0 {
            Some(0) => Some(None),
            Some(left) => {
                *left -= 1;
                items.next().map(Some)
            }
            None => match items.next()? {
                Header::Break => Some(None),
                header => Some(Some(header)),
            },
        }
    }
}
