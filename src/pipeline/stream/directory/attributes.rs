//! What is kept of a stream beside its shape, in the registry under `stream-attributes/KEY`.

use super::{Distribution, StreamMode, StreamStatus};
use crate::{
    pipeline::stream::{Limits, Overrides, StreamError},
    units::{ByteSize, Span},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Begins the registry's keys of attributes.
pub(super) const ATTRIBUTES: &str = "stream-attributes/";
const VERSION: u32 = 1;

/// A tag that switches the limits of a stream's shards or of a FIFO queue: "on" is AWS's, "off" none.
pub const LIMITS_TAG: &str = "caudal:limits";

/// Whether the tag says that AWS's limits hold; `None` when it says nothing that can be understood.
pub fn limits_by_tag(tag: &str) -> Option<bool> {
    match tag {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// Where a stream or a consumer is in its life, and until when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    #[default]
    Active,
    Creating(i64),
    Updating(i64),
    Deleting(i64),
}

impl Phase {
    /// What is shown at `now_ms`; a phase whose time has come is over. Deleting ends only with the stream.
    pub(super) fn status(self, now_ms: i64) -> StreamStatus {
        match self {
            Self::Creating(until_ms) if now_ms < until_ms => StreamStatus::Creating,
            Self::Updating(until_ms) if now_ms < until_ms => StreamStatus::Updating,
            Self::Deleting(_) => StreamStatus::Deleting,
            _ => StreamStatus::Active,
        }
    }

    /// True for what is to be gone by now.
    pub(super) fn is_over(self, now_ms: i64) -> bool {
        matches!(self, Self::Deleting(until_ms) if until_ms <= now_ms)
    }
}

/// When a phase of this length ends.
pub(super) fn until(now_ms: i64, delay: Span) -> i64 {
    now_ms.saturating_add(i64::try_from(delay.0.as_millis()).unwrap_or(i64::MAX))
}

/// A consumer as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptConsumer {
    pub name: String,
    pub created_at_ms: i64,
    #[serde(default)]
    pub phase: Phase,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub policy: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Attributes {
    pub version: u32,
    #[serde(default)]
    pub phase: Phase,
    #[serde(default)]
    pub mode: StreamMode,
    /// None while the topology's section says it.
    #[serde(default)]
    pub retention_hours: Option<u32>,
    #[serde(default)]
    pub max_record_kib: Option<u32>,
    #[serde(default)]
    pub monitoring: BTreeSet<String>,
    #[serde(default)]
    pub encryption_key: Option<String>,
    #[serde(default)]
    pub warm_throughput_mibps: Option<u32>,
    #[serde(default)]
    pub distribution: Distribution,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub policy: Option<String>,
    #[serde(default)]
    pub consumers: Vec<KeptConsumer>,
    /// When it was scaled within the last day.
    #[serde(default)]
    pub scaled_at_ms: Vec<i64>,
    /// When it was switched between modes within the last day.
    #[serde(default)]
    pub switched_at_ms: Vec<i64>,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            version: VERSION,
            phase: Phase::Active,
            mode: StreamMode::Provisioned,
            retention_hours: None,
            max_record_kib: None,
            monitoring: BTreeSet::new(),
            encryption_key: None,
            warm_throughput_mibps: None,
            distribution: Distribution::default(),
            tags: BTreeMap::new(),
            policy: None,
            consumers: Vec::new(),
            scaled_at_ms: Vec::new(),
            switched_at_ms: Vec::new(),
        }
    }
}

impl Attributes {
    /// # Errors
    /// [`StreamError`] when they cannot be read, or are of a later version.
    pub(super) fn decode(key: &str, bytes: &[u8]) -> Result<Self, StreamError> {
        let damaged = |cause| StreamError::Definition { name: key.to_owned(), cause };
        let read: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        match read.version {
            VERSION => Ok(read),
            found => Err(StreamError::Version { name: key.to_owned(), found, supported: VERSION }),
        }
    }

    /// # Errors
    /// [`StreamError::Definition`].
    pub(super) fn encode(&self, key: &str) -> Result<Vec<u8>, StreamError> {
        serde_json::to_vec(self).map_err(|cause| StreamError::Definition { name: key.to_owned(), cause })
    }

    /// What stands above the topology's section.
    pub(super) fn overrides(&self) -> Overrides {
        let hours = |hours: u32| Span(Duration::from_secs(u64::from(hours) * 3_600));
        let limits = self.tags.get(LIMITS_TAG).and_then(|tag| limits_by_tag(tag));
        Overrides {
            limits: limits.map(|of_aws| of_aws.then(Limits::of_aws)),
            retention: self.retention_hours.map(hours),
            max_record: self.max_record_kib.map(|kib| ByteSize(u64::from(kib) << 10)),
        }
    }

    pub(super) fn consumer(&self, name: &str, now_ms: i64) -> Option<&KeptConsumer> {
        self.consumers.iter().find(|consumer| consumer.name == name && !consumer.phase.is_over(now_ms))
    }

    pub(super) fn consumer_mut(&mut self, name: &str) -> Option<&mut KeptConsumer> {
        self.consumers.iter_mut().find(|consumer| consumer.name == name)
    }

    /// Lets go of consumers that are to be gone by now.
    pub(super) fn forget_consumers(&mut self, now_ms: i64) {
        self.consumers.retain(|consumer| !consumer.phase.is_over(now_ms));
    }
}

const DAY_MS: i64 = 86_400_000;

/// Notes a moment among those of the last day; false when there were `most` already.
pub(super) fn note_within_a_day(moments: &mut Vec<i64>, most: u32, now_ms: i64) -> bool {
    moments.retain(|moment| now_ms.saturating_sub(*moment) < DAY_MS);
    let has_room = moments.len() < usize::try_from(most).unwrap_or(usize::MAX);
    if has_room {
        moments.push(now_ms);
    }
    has_room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_back_as_written_and_old_ones_lack_what_came_later() {
        let mut attributes = Attributes { phase: Phase::Updating(9), ..Attributes::default() };
        attributes.tags.insert("team".to_owned(), "lab".to_owned());
        let bytes = attributes.encode("trips").unwrap();
        assert_eq!(Attributes::decode("trips", &bytes).unwrap(), attributes);
        assert_eq!(Attributes::decode("trips", br#"{"version":1}"#).unwrap(), Attributes::default());
        assert!(Attributes::decode("trips", br#"{"version":2}"#).is_err());
    }

    #[test]
    fn a_phase_is_over_when_its_time_has_come_but_deleting_is_shown_to_the_end() {
        assert_eq!(Phase::Creating(10).status(9), StreamStatus::Creating);
        assert_eq!(Phase::Creating(10).status(10), StreamStatus::Active);
        assert_eq!(Phase::Updating(10).status(9), StreamStatus::Updating);
        assert_eq!(Phase::Deleting(10).status(99), StreamStatus::Deleting);
        assert!(Phase::Deleting(10).is_over(10) && !Phase::Deleting(10).is_over(9));
    }

    #[test]
    fn only_so_many_moments_fit_in_a_day() {
        let mut moments = Vec::new();
        assert!(note_within_a_day(&mut moments, 2, 0) && note_within_a_day(&mut moments, 2, 5));
        assert!(!note_within_a_day(&mut moments, 2, DAY_MS - 1));
        assert!(note_within_a_day(&mut moments, 2, DAY_MS));
    }
}
