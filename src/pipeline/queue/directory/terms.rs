//! What a queue goes by, and what is kept of it in the registry under `sqs-queue/KEY`.

use super::QueueDirectoryError;
use crate::{
    pipeline::queue::{DeadLetter, FifoTerms, QueueSection},
    storage::DeduplicationScope,
    units::Span,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Begins the registry's keys of queues.
pub(super) const QUEUES: &str = "sqs-queue/";
const VERSION: u32 = 1;

/// What can be set of a queue, with AWS's defaults. Times in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueTerms {
    /// Default 30.
    pub visibility_timeout: u32,
    /// Default four days.
    pub retention: u32,
    /// How long a message is hidden after it was sent. Default 0.
    pub delay: u32,
    /// How long a receive waits that does not say. Default 0.
    pub wait: u32,
    /// Bytes of the largest message. Default 1 MiB.
    pub max_message: u32,
    /// Stays as it is for the life of the queue.
    pub fifo: bool,
    /// Whether a message of a FIFO queue that has no deduplication id is known by its body. Default false.
    pub deduplicate_by_content: bool,
    /// Whether deduplication ids of a FIFO queue are looked for among the messages of their group only. Default
    /// false.
    pub deduplicate_by_group: bool,
    /// Whether AWS's limits of a FIFO queue hold for each group instead of all together. Default false.
    pub limit_by_group: bool,
    pub redrive: Option<RedriveTarget>,
    /// Who may use it as a dead-letter queue, as JSON.
    pub redrive_allow: Option<String>,
    /// As JSON. It is kept and told; nothing goes by it.
    pub policy: Option<String>,
    /// Kept and told; nothing is encrypted.
    pub kms_key: Option<String>,
    /// Default 300.
    pub kms_reuse: u32,
    /// Kept and told. Default true.
    pub managed_sse: bool,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedriveTarget {
    /// ARN of the dead-letter queue.
    pub arn: String,
    pub max_receives: u32,
}

impl Default for QueueTerms {
    fn default() -> Self {
        Self {
            visibility_timeout: 30,
            retention: 4 * 86_400,
            delay: 0,
            wait: 0,
            max_message: 1 << 20,
            fifo: false,
            deduplicate_by_content: false,
            deduplicate_by_group: false,
            limit_by_group: false,
            redrive: None,
            redrive_allow: None,
            policy: None,
            kms_key: None,
            kms_reuse: 300,
            managed_sse: true,
        }
    }
}

impl QueueTerms {
    /// As a topology would say it.
    pub(super) fn section(&self) -> QueueSection {
        let seconds = |seconds: u32| Span(Duration::from_secs(seconds.into()));
        QueueSection {
            from: None,
            visibility_timeout: seconds(self.visibility_timeout),
            retention: seconds(self.retention),
            fifo: self.fifo,
            limits: None,
            dead_letter: self
                .redrive
                .as_ref()
                .map(|target| DeadLetter { queue: target.arn.clone(), max_receives: target.max_receives }),
        }
    }

    /// What no topology says.
    pub(super) fn of_fifo(&self) -> FifoTerms {
        FifoTerms {
            delay: Duration::from_secs(self.delay.into()),
            deduplication_scope: match self.deduplicate_by_group {
                true => DeduplicationScope::Group,
                false => DeduplicationScope::Queue,
            },
        }
    }

    /// The same with what a topology says; `arn` of a dead-letter queue by its name.
    pub(super) fn with_section(mut self, section: &QueueSection, arn: impl Fn(&str) -> String) -> Self {
        let seconds = |span: Span| u32::try_from(span.0.as_secs()).unwrap_or(u32::MAX);
        self.visibility_timeout = seconds(section.visibility_timeout);
        self.retention = seconds(section.retention);
        self.fifo = section.fifo;
        self.redrive = section.dead_letter.as_ref().map(|letters| RedriveTarget {
            arn: arn(&letters.queue),
            max_receives: letters.max_receives.max(1),
        });
        self
    }
}

/// A queue as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) version: u32,
    pub created_at_ms: i64,
    pub modified_at_ms: i64,
    /// What the store calls it.
    pub stored_as: String,
    #[serde(default)]
    pub terms: QueueTerms,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Kept {
    pub(super) fn new(stored_as: String, terms: QueueTerms, now_ms: i64) -> Self {
        let (created_at_ms, modified_at_ms) = (now_ms, now_ms);
        Self { version: VERSION, created_at_ms, modified_at_ms, stored_as, terms, tags: BTreeMap::new() }
    }

    pub(super) fn decode(key: &str, bytes: &[u8]) -> Result<Self, QueueDirectoryError> {
        let unreadable = |what: String| QueueDirectoryError::Unreadable { key: key.to_owned(), what };
        let read: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        match read.version {
            VERSION => Ok(read),
            other => Err(unreadable(format!("it is of version {other}, and this program reads {VERSION}"))),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // Texts and numbers can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_lacks_what_came_later() {
        let terms = QueueTerms { delay: 9, policy: Some("{}".to_owned()), ..QueueTerms::default() };
        let kept = Kept::new("jobs".to_owned(), terms, 7);
        assert_eq!(Kept::decode("k", &kept.encode()).unwrap(), kept);
        let old = br#"{"version":1,"created_at_ms":1,"modified_at_ms":1,"stored_as":"jobs"}"#;
        assert_eq!(Kept::decode("k", old).unwrap().terms, QueueTerms::default());
        assert!(Kept::decode("k", br#"{"version":2}"#).is_err());
    }

    #[test]
    fn a_section_and_terms_say_the_same() {
        let arn = "arn:aws:sqs:r:a:dead";
        let redrive = Some(RedriveTarget { arn: arn.to_owned(), max_receives: 3 });
        let terms = QueueTerms { visibility_timeout: 5, retention: 60, redrive, ..QueueTerms::default() };
        let section = terms.section();
        assert_eq!(QueueTerms::default().with_section(&section, str::to_owned), terms);
    }
}
