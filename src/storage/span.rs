//! Spans: where consecutive records of one shard or queue lie in a log file.

use super::sum::Order;

/// A block is indexed in spans of about this many bytes, the least that a read from disk takes.
pub(super) const SPAN_BYTES: usize = 64 * 1024;

/// Consecutive records that lie side by side in a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The shard's or queue's number.
    pub track: u32,
    pub count: u32,
    pub first: u64,
    /// Where the first record begins in the file.
    pub offset: u64,
    pub length: u32,
    pub committed_at_ms: i64,
    /// Sum over the records' checksums in their order, so that exchanged records are found.
    pub order: Order,
}

impl Span {
    pub(super) fn next(&self) -> u64 {
        self.first + u64::from(self.count)
    }
    pub(super) fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }
    /// Takes in the span that follows at once in sequence and in place; `false` when it does not.
    pub(super) fn join(&mut self, following: &Self) -> bool {
        let joins = self.track == following.track
            && self.next() == following.first
            && self.end() == following.offset
            && self.length as usize + following.length as usize <= SPAN_BYTES;
        if joins {
            self.order = self.order.followed_by(following.order, following.count);
            self.count += following.count;
            self.length += following.length;
        }
        joins
    }
}
