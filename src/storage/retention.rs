//! What retention lets go: decisions only.

use super::Retention;
use super::span::Span;
use super::track::{Extent, Places};

/// What a record's age and a shard's size are judged by.
#[derive(Debug, Clone, Copy)]
struct Limits {
    oldest_ms: Option<i64>,
    bytes: Option<u64>,
}

impl Limits {
    fn of(retention: Retention, now_ms: i64) -> Self {
        let age_ms = retention.age.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        Self { oldest_ms: age_ms.map(|age| now_ms.saturating_sub(age)), bytes: retention.bytes }
    }
    /// True when records committed then, with this much after them, may go.
    fn lets_go(&self, committed_at_ms: i64, bytes_after: u64) -> bool {
        self.oldest_ms.is_some_and(|oldest| committed_at_ms <= oldest)
            || self.bytes.is_some_and(|limit| bytes_after >= limit)
    }
}

/// The first sequence that a shard has to keep: what is too old or too much goes, but nothing
/// that a reader has yet to read. `spans_of` gives the spans of an extent that goes only in part.
pub(super) fn keep_from(
    places: &Places,
    unread_from: Option<u64>,
    now_ms: i64,
    spans_of: impl FnOnce(&Extent) -> Vec<Span>,
) -> u64 {
    let limits = Limits::of(places.retention, now_ms);
    if limits.oldest_ms.is_none() && limits.bytes.is_none() {
        return places.first;
    }
    let limit = unread_from.unwrap_or(u64::MAX);
    let mut after: u64 = places.extents.iter().map(|extent| extent.bytes).sum();
    let mut keep = places.first;
    for extent in &places.extents {
        if keep >= limit {
            break;
        }
        if limits.lets_go(extent.last_committed_at_ms, after - extent.bytes) {
            after -= extent.bytes;
            keep = extent.next;
            continue;
        }
        for span in spans_of(extent) {
            let rest = after.saturating_sub(u64::from(span.length));
            if !limits.lets_go(span.committed_at_ms, rest) {
                break;
            }
            (after, keep) = (rest, keep.max(span.next()));
        }
        break;
    }
    keep.min(limit).max(places.first)
}

#[cfg(test)]
mod tests {
    use super::super::sum::Order;
    use super::*;
    use std::time::Duration;

    fn span(first: u64, at_ms: i64) -> Span {
        let order = Order::default();
        Span { track: 0, count: 10, first, offset: 0, length: 100, committed_at_ms: at_ms, order }
    }

    /// Three files of ten records and 100 bytes each, committed at 1, 2 and 3 seconds.
    fn places(retention: Retention) -> Places {
        let mut places = Places { retention, ..Places::default() };
        for file in 1..=3 {
            places.extend(file, &span((file - 1) * 10, file as i64 * 1000));
        }
        places
    }

    fn keep(retention: Retention, unread: Option<u64>, now_ms: i64) -> u64 {
        keep_from(&places(retention), unread, now_ms, |extent| {
            vec![span(extent.first, extent.last_committed_at_ms)]
        })
    }

    #[test]
    fn the_old_goes_and_the_young_stays() {
        let retention = Retention { age: Some(Duration::from_secs(5)), bytes: None };
        assert_eq!(keep(retention, None, 5_999), 0);
        assert_eq!(keep(retention, None, 7_000), 20);
        assert_eq!(keep(retention, None, 60_000), 30);
    }

    #[test]
    fn what_is_over_the_size_goes() {
        let retention = Retention { age: None, bytes: Some(150) };
        assert_eq!(keep(retention, None, 0), 10);
    }

    #[test]
    fn nothing_unread_goes_and_nothing_goes_without_a_limit() {
        let retention = Retention { age: Some(Duration::ZERO), bytes: None };
        assert_eq!(keep(retention, Some(13), 60_000), 13);
        assert_eq!(keep(Retention::default(), Some(13), 60_000), 0);
    }
}
