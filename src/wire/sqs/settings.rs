//! Settings of queues.

use serde::{Deserialize, Serialize};

/// `[aws.sqs]` of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqsSettings {
    /// Whether FIFO queues may be called no more often than in AWS. The queue's topology and its tag
    /// `caudal:limits` ("on" or "off") say otherwise for one queue. Default false, as of streams.
    pub limits: bool,
    /// Most messages of a standard queue in flight at once. Default 120,000, as in AWS.
    pub in_flight_limit: u32,
    /// Most messages of a FIFO queue in flight at once. Default 120,000, as in AWS since 2024.
    pub fifo_in_flight_limit: u32,
}

impl Default for SqsSettings {
    fn default() -> Self {
        Self { limits: false, in_flight_limit: 120_000, fifo_in_flight_limit: 120_000 }
    }
}

impl SqsSettings {
    pub(super) fn in_flight_limit(&self, is_fifo: bool) -> u32 {
        if is_fifo { self.fifo_in_flight_limit } else { self.in_flight_limit }
    }
}
