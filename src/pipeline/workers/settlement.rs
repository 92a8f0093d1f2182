//! What is committed for a message after a worker has seen it; pure.

use super::{Retry, backoff::wait_after, runner::Fate};
use crate::{
    pipeline::{
        Origin, Outgoing, Tally, Target,
        queue::{MovedMessage, PutAside, envelope_of},
    },
    storage::{Batch, LeasedMessage, QueueId, Receipt},
};
use bytes::Bytes;

/// What holds for all messages of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub node: &'a str,
    pub queue: &'a str,
    /// Whether that queue is FIFO.
    pub fifo: bool,
    pub max_receives: Option<u32>,
    pub retry: &'a Retry,
    pub rules_version: Option<&'a str>,
    pub target: Option<&'a Target>,
}

/// One message and what is to become of it.
#[derive(Debug, Clone)]
pub(super) struct Settlement {
    pub receipt: Receipt,
    /// When the lease runs out.
    pub visible_again_at_ms: i64,
    pub action: Action,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Delete it and send its results.
    Finish(Vec<Outgoing>),
    /// Delete it.
    Filter,
    /// Delete it here and send it to the dead-letter queue.
    PutAside(MovedMessage),
    /// Give it back, visible again at this time.
    Release { visible_at_ms: i64 },
}

impl Settlement {
    /// A message that failed for the last time is put aside with the reason of that failure.
    pub fn new(message: &LeasedMessage, fate: Fate, terms: &Terms<'_>, now_ms: i64) -> Self {
        let origin = crate::pipeline::queue::origin_of(&message.record, terms.queue, 0);
        let receives = message.receipt.receive_count;
        let action = match fate {
            Fate::Filtered => Action::Filter,
            Fate::Done(results) => finish(message, results, origin, terms),
            Fate::Hopeless { reason } => put_aside(message, &reason, origin, terms),
            Fate::Failed { reason, .. } if terms.max_receives.is_some_and(|max| receives >= max) => {
                put_aside(message, &format!("failed {receives} times, at last: {reason}"), origin, terms)
            }
            Fate::Interrupted { reason } if terms.max_receives.is_some_and(|max| receives >= max) => {
                put_aside(message, &format!("interrupted {receives} times, at last: {reason}"), origin, terms)
            }
            Fate::Interrupted { .. } | Fate::Returned => Action::Release { visible_at_ms: now_ms },
            Fate::Failed { after, .. } => {
                let wait = wait_after(receives, message.receipt.sequence, terms.retry, after);
                let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                Action::Release { visible_at_ms: now_ms.saturating_add(wait_ms) }
            }
        };
        let receipt = message.receipt.clone();
        Self { receipt, visible_again_at_ms: message.visible_again_at_ms, action }
    }
}

fn finish(message: &LeasedMessage, results: Vec<Bytes>, origin: Origin, terms: &Terms<'_>) -> Action {
    let Some(target) = terms.target else { return Action::Finish(Vec::new()) };
    let attributes = Bytes::from(origin.encode());
    let outgoing: Vec<Outgoing> = results
        .into_iter()
        .map(|payload| Outgoing { key: message.record.key.clone(), attributes: attributes.clone(), payload })
        .collect();
    match outgoing.iter().find_map(|outgoing| target.check(outgoing).err()) {
        Some(unfit) => put_aside(message, &format!("its result does not fit: {unfit}"), origin, terms),
        None => Action::Finish(outgoing),
    }
}

fn put_aside(message: &LeasedMessage, reason: &str, origin: Origin, terms: &Terms<'_>) -> Action {
    let receives = Some(message.receipt.receive_count);
    let (rules, envelope) = (terms.rules_version, envelope_of(&message.record.attributes));
    let (node, queue) = (terms.node, Some(terms.queue));
    let why = PutAside { origin, reason, node, queue, receives, rules, envelope };
    Action::PutAside(MovedMessage::new(message, terms.fifo, &why))
}

/// How the tally grows when the settlements are committed.
pub(super) fn growth(settlements: &[Settlement]) -> Tally {
    settlements.iter().fold(Tally::default(), |tally, settlement| match settlement.action {
        Action::Finish(_) => Tally { finished: tally.finished + 1, ..tally },
        Action::Filter => Tally { filtered: tally.filtered + 1, ..tally },
        Action::PutAside(_) => Tally { quarantined: tally.quarantined + 1, ..tally },
        Action::Release { .. } => tally,
    })
}

/// All settlements as one batch. Results were checked against the target before.
pub(super) fn batch_of(
    settlements: &[Settlement],
    target: Option<&Target>,
    quarantine: Option<QueueId>,
    now_ms: i64,
) -> Batch {
    let mut batch = Batch::new();
    let mut results = Vec::new();
    for Settlement { receipt, action, .. } in settlements {
        match action {
            Action::Finish(outgoing) => {
                results.extend_from_slice(outgoing);
                batch.settle(receipt);
            }
            Action::Filter => batch.settle(receipt),
            Action::PutAside(message) => {
                debug_assert!(quarantine.is_some(), "it is opened before");
                quarantine.iter().for_each(|queue| message.post(&mut batch, *queue, now_ms));
            }
            Action::Release { visible_at_ms } => batch.release(receipt, *visible_at_ms),
        }
    }
    if let Some(target) = target {
        let unfit = target.add(&mut batch, results, now_ms);
        debug_assert!(unfit.is_ok(), "results are checked before");
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{storage::StoredRecord, units::Span};
    use std::time::Duration;

    fn message(receive_count: u32, attributes: &'static [u8]) -> LeasedMessage {
        LeasedMessage {
            receipt: Receipt { queue: QueueId(1), sequence: 41, receive_count },
            first_received_at_ms: 0,
            visible_again_at_ms: 30_000,
            record: StoredRecord {
                sequence: 41,
                arrived_at_ms: 0,
                key: Bytes::from_static(b"key"),
                attributes: Bytes::from_static(attributes),
                payload: Bytes::from_static(b"{}"),
                crc: 0,
                provenance: None,
            },
        }
    }

    fn settled(receive_count: u32, fate: Fate, max_receives: Option<u32>) -> Settlement {
        let retry = Retry { base: Span(Duration::from_secs(1)), max: Span(Duration::from_secs(60)) };
        let rules_version = Some("4f2a");
        let terms = Terms {
            node: "review",
            queue: "rides",
            fifo: false,
            max_receives,
            retry: &retry,
            rules_version,
            target: None,
        };
        Settlement::new(&message(receive_count, br#"{"o":["trips",3,7]}"#), fate, &terms, 1_000)
    }

    fn failed(after: Option<Duration>) -> Fate {
        Fate::Failed { reason: "503".to_owned(), after }
    }

    fn put_aside_reason(settlement: &Settlement) -> String {
        match &settlement.action {
            Action::PutAside(outgoing) => {
                let origin = Origin { stream: "trips".to_owned(), shard: 3, sequence: 7 };
                assert_eq!(Origin::decode(&outgoing.attributes), Some(origin));
                assert_eq!((&outgoing.key[..], &outgoing.payload[..]), (&b"key"[..], &b"{}"[..]));
                Origin::decode_reason(&outgoing.attributes).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_waits_and_the_last_one_is_put_aside_with_its_reason() {
        match settled(1, failed(None), Some(2)).action {
            Action::Release { visible_at_ms } => assert!((1_500..=2_000).contains(&visible_at_ms)),
            other => panic!("{other:?}"),
        }
        let asked = settled(1, failed(Some(Duration::from_secs(20))), Some(2)).action;
        assert_eq!(asked, Action::Release { visible_at_ms: 21_000 });
        assert_eq!(put_aside_reason(&settled(2, failed(None), Some(2))), "failed 2 times, at last: 503");
        assert!(matches!(settled(99, failed(None), None).action, Action::Release { .. }));
    }

    #[test]
    fn a_hopeless_message_is_put_aside_at_once_with_its_origin_and_the_rules() {
        let settlement = settled(1, Fate::Hopeless { reason: "too short".to_owned() }, None);
        assert_eq!(put_aside_reason(&settlement), "too short");
        let Action::PutAside(outgoing) = &settlement.action else { unreachable!() };
        let written: serde_json::Value = serde_json::from_slice(&outgoing.attributes).unwrap();
        assert_eq!((&written["rules"], &written["node"]), (&"4f2a".into(), &"review".into()));
    }

    #[test]
    fn a_message_without_origin_is_named_by_its_queue() {
        let record = message(1, b"").record;
        let origin = crate::pipeline::queue::origin_of(&record, "rides", 0);
        assert_eq!(origin, Origin { stream: "rides".to_owned(), shard: 0, sequence: 41 });
    }

    #[test]
    fn every_message_that_leaves_the_queue_is_counted_once() {
        let fates = [
            Fate::Done(Vec::new()),
            Fate::Filtered,
            Fate::Hopeless { reason: String::new() },
            failed(None),
            Fate::Done(vec![Bytes::from_static(b"1")]),
        ];
        let settlements: Vec<_> = fates.into_iter().map(|fate| settled(1, fate, Some(5))).collect();
        assert_eq!(growth(&settlements), Tally { finished: 2, quarantined: 1, filtered: 1 });
    }
}
