//! The begin of a run, on both clocks.

use jiff::Timestamp;
use std::time::{Duration, Instant};

/// Time for tasks to be ready when the first record is due.
const LEAD: Duration = Duration::from_millis(100);

/// When a run begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    pub instant: Instant,
    /// The same in milliseconds since the epoch.
    pub at: i64,
}

impl Begin {
    pub(super) fn soon() -> Self {
        let lead = i64::try_from(LEAD.as_millis()).unwrap_or_default();
        Self { instant: Instant::now() + LEAD, at: Timestamp::now().as_millisecond() + lead }
    }

    /// A name that no other run has.
    pub(super) fn run_name(&self) -> String {
        format!("{:x}", self.at)
    }

    /// RFC 3339.
    pub(super) fn shown(&self) -> String {
        Timestamp::from_millisecond(self.at).map(|time| time.to_string()).unwrap_or_default()
    }
}
