//! The wall clock, read at the edges of the store.

use std::time::{SystemTime, UNIX_EPOCH};

/// Epoch milliseconds.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
