//! Settings of queues.

use serde::{Deserialize, Serialize};

/// `[aws.sqs]` of the settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqsSettings {
    /// Whether FIFO queues may be called no more often than in AWS. The queue's topology and its tag
    /// `caudal:limits` ("on" or "off") say otherwise for one queue. Default false, as of streams.
    pub limits: bool,
}
