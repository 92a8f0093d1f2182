//! What a topology says of a queue.

use crate::{pipeline::Source, units::Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[queue.NAME]`: durable messages for workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueSection {
    /// The stream that feeds it, perhaps filtered. Absent when workers or an ingress send to it.
    #[serde(default)]
    pub from: Option<Source>,
    /// How long a received message stays hidden from others. Default "30s".
    #[serde(default = "thirty_seconds")]
    pub visibility_timeout: Span,
    /// How long a message is kept. Default "4d".
    #[serde(default = "four_days")]
    pub retention: Span,
    /// Messages with the same partition key come in the order in which they were sent, and only to one worker at a
    /// time: the next ones wait until it is done with those it has. More workers than keys that wait find nothing
    /// to do. To the queue API the queue is then called NAME.fifo. Stays as it is for the life of the queue. Default
    /// false: messages come in about their order.
    #[serde(default)]
    pub fifo: bool,
    /// Whether AWS's limits of FIFO queues hold for clients of the queue API: 300 calls of each kind a second, and 10
    /// messages a call. Default: as the queue's tag "caudal:limits" has it, else as `aws.sqs.limits` of the settings.
    #[serde(default)]
    pub limits: Option<bool>,
    /// Where messages go that were received too often. The dead-letter queue of a FIFO queue is FIFO, and of another
    /// queue not. The age of a message counts on there unless the queue is FIFO, so let its retention be the longer one.
    #[serde(default)]
    pub dead_letter: Option<DeadLetter>,
}

/// The end of messages that cannot be processed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadLetter {
    /// Name of the queue they move to; made when the topology does not define it.
    pub queue: String,
    /// Receives after which a message moves. Default 5.
    #[serde(default = "five")]
    pub max_receives: u32,
}

impl Default for QueueSection {
    fn default() -> Self {
        Self {
            from: None,
            visibility_timeout: thirty_seconds(),
            retention: four_days(),
            fifo: false,
            limits: None,
            dead_letter: None,
        }
    }
}

fn thirty_seconds() -> Span {
    Span(std::time::Duration::from_secs(30))
}
fn four_days() -> Span {
    Span(std::time::Duration::from_secs(4 * 86_400))
}
fn five() -> u32 {
    5
}
