//! Limits and delays of the streams API, each with AWS's default.

use crate::units::Span;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[aws.kinesis]` of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KinesisSettings {
    /// How long a stream is CREATING. AWS: some ten seconds.
    pub create_delay: Span,
    /// How long a stream is UPDATING after a split, a merge or another change of its shape.
    pub update_delay: Span,
    /// How long a stream is DELETING; its records can be read until then.
    pub delete_delay: Span,
    /// How long a consumer is CREATING or DELETING.
    pub consumer_delay: Span,
    /// Open shards of provisioned streams, for each account and region. AWS: 500 to 20,000 by region.
    pub shard_limit: u32,
    /// On-demand streams for each account and region. AWS: 50.
    pub on_demand_stream_limit: u32,
    /// Streams in the state CREATING at once. AWS: 5.
    pub creating_limit: u32,
    /// Registered consumers of a stream. AWS: 20 (50 where the account has committed to a throughput).
    pub consumer_limit: u32,
    /// Calls of UpdateShardCount on a stream within 24 hours. AWS: 10.
    pub scalings_per_day: u32,
    /// Switches of a stream between modes within 24 hours. AWS: 2.
    pub mode_switches_per_day: u32,
    /// How long a subscription of SubscribeToShard lasts. AWS: five minutes.
    pub subscription: Span,
    /// Whether each shard of a run-time stream admits and gives out no more than in AWS, and an account
    /// calls no operation more often than in AWS. The tag `caudal:limits` ("on" or "off") says otherwise
    /// for the shards of one stream. Off by default: who runs this on a machine of their own has no
    /// neighbours to be protected from, and AWS's five calls of GetRecords a second for each shard would
    /// not let a consumer see a record within 10 ms.
    pub limits: bool,
}

impl Default for KinesisSettings {
    fn default() -> Self {
        let at_once = Span(Duration::ZERO);
        Self {
            create_delay: at_once,
            update_delay: at_once,
            delete_delay: at_once,
            consumer_delay: at_once,
            shard_limit: 20_000,
            on_demand_stream_limit: 50,
            creating_limit: 5,
            consumer_limit: 20,
            scalings_per_day: 10,
            mode_switches_per_day: 2,
            subscription: Span(Duration::from_secs(300)),
            limits: false,
        }
    }
}
