//! Long lists in answers: each structure is written from what the operation has, without a tree of its own.

use super::{Timestamp, decimal::Digits};
use std::{fmt, sync::Arc};

/// A list of structures of an answer.
#[derive(Clone)]
pub struct Rows(Arc<dyn Tell>);

/// What has the structures of a list.
pub trait Tell: Send + Sync {
    fn count(&self) -> usize;
    /// About how many bytes all of them are when written.
    fn size_hint(&self) -> usize;
    /// Puts the fields of the structure at `place`, from 0.
    fn tell(&self, place: usize, row: &mut dyn Row);
}

/// A structure that is being written, its fields in the order in which they are put.
pub trait Row {
    fn text(&mut self, name: &'static Name, text: &str);
    /// A text of so many digits, which are made only when they are written.
    fn number(&mut self, name: &'static Name, length: usize, digits: &dyn Fn() -> Digits);
    fn blob(&mut self, name: &'static Name, bytes: &[u8]);
    fn timestamp(&mut self, name: &'static Name, time: Timestamp);
}

/// A field's name. It is written in every structure of a long list, so that what JSON has around it is
/// there already: `,"NAME":"`. Made by `name!`.
#[derive(Debug)]
pub struct Name {
    pub(super) text: &'static str,
    pub(super) quoted: &'static str,
}

impl Name {
    pub const fn new(text: &'static str, quoted: &'static str) -> Self {
        Self { text, quoted }
    }
}

/// The name of a field.
macro_rules! name {
    ($text:literal) => {
        const { &$crate::wire::protocol::Name::new($text, concat!(",\"", $text, "\":\"")) }
    };
}
pub(in crate::wire) use name;

impl Rows {
    pub fn new(told: impl Tell + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(super) fn count(&self) -> usize {
        self.0.count()
    }

    pub(super) fn size_hint(&self) -> usize {
        self.0.size_hint()
    }

    pub(super) fn tell(&self, place: usize, row: &mut dyn Row) {
        self.0.tell(place, row);
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Rows({})", self.count())
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protocol::{Content, Output, Protocol};
    use bytes::Bytes;

    struct Three;

    const KEYS: [&str; 3] = ["", "a \"quoted\" key", "ключ"];

    fn blob(place: usize) -> Vec<u8> {
        vec![0xa5; place * 100]
    }

    impl Tell for Three {
        fn count(&self) -> usize {
            3
        }

        fn size_hint(&self) -> usize {
            0
        }

        fn tell(&self, place: usize, row: &mut dyn Row) {
            row.timestamp(name!("At"), Timestamp(1_700_000_000_123 + place as i64));
            row.blob(name!("Data"), &blob(place));
            row.number(name!("Number"), 1, &|| Digits::of([0, 0, 0, place as u64]));
            if place > 0 {
                row.text(name!("Key"), KEYS[place]);
            }
        }
    }

    #[test]
    fn rows_are_written_as_a_tree_of_the_same_would_be() {
        let tree = (0..3).map(|place| {
            Output::new()
                .with("At", Timestamp(1_700_000_000_123 + place as i64))
                .with("Data", Bytes::from(blob(place)))
                .with("Number", place.to_string())
                .with_some("Key", (place > 0).then(|| KEYS[place]))
        });
        let tree = Output::new().with("Before", 1_i64).with_list("Rows", tree).with("After", "x");
        let rows = Content::Rows(Rows::new(Three));
        let rows = Output::new().with("Before", 1_i64).with("Rows", rows).with("After", "x");
        for protocol in [Protocol::Json, Protocol::Cbor] {
            assert_eq!(protocol.write(&rows), protocol.write(&tree), "{protocol:?}");
        }
    }
}
