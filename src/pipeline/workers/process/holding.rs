//! The batch that a program works on: what it has not answered, since when, and until when it is its own.

use super::Fault;
use crate::storage::{LeasedMessage, Receipt};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Messages by the id that the program knows them by; those that it answered are empty.
#[derive(Debug)]
pub(super) struct Holding {
    messages: HashMap<String, Option<LeasedMessage>>,
    unanswered: usize,
    since: Instant,
    lease_end_ms: i64,
}

impl Holding {
    /// Nothing is held.
    pub fn nothing(now: Instant) -> Self {
        Self { messages: HashMap::new(), unanswered: 0, since: now, lease_end_ms: 0 }
    }

    /// What was received together, at `now`.
    pub fn of(messages: Vec<(String, LeasedMessage)>, now: Instant) -> Self {
        let lease_end_ms =
            messages.iter().map(|(_, message)| message.visible_again_at_ms).min().unwrap_or_default();
        let unanswered = messages.len();
        let messages = messages.into_iter().map(|(id, message)| (id, Some(message))).collect();
        Self { messages, unanswered, since: now, lease_end_ms }
    }

    pub fn is_empty(&self) -> bool {
        self.unanswered == 0
    }

    /// Nothing of it was answered.
    pub fn is_untouched(&self) -> bool {
        self.unanswered == self.messages.len()
    }

    pub fn since(&self) -> Instant {
        self.since
    }

    /// Takes the message that was answered.
    ///
    /// # Errors
    /// [`Fault::NotHeld`].
    pub fn answered(&mut self, id: String) -> Result<LeasedMessage, Fault> {
        let why = match self.messages.get_mut(&id) {
            Some(message) => match message.take() {
                Some(message) => {
                    self.unanswered = self.unanswered.saturating_sub(1);
                    return Ok(message);
                }
                None => "it answered it before",
            },
            None => "it is not of the batch at hand",
        };
        Err(Fault::NotHeld { id, why })
    }

    /// Takes everything that was not answered, in the order in which it was sent to the queue.
    pub fn take_unanswered(&mut self) -> Vec<LeasedMessage> {
        self.unanswered = 0;
        let mut messages: Vec<LeasedMessage> =
            self.messages.drain().filter_map(|(_, message)| message).collect();
        messages.sort_by_key(|message| message.receipt.sequence);
        messages
    }

    /// Receipts of what has to be hidden for longer: as soon as less than half of the visibility
    /// timeout is left. Empty before.
    pub fn to_extend(&self, now_ms: i64, visibility: Duration) -> Vec<Receipt> {
        if self.is_empty() || now_ms < self.extend_at_ms(visibility) {
            return Vec::new();
        }
        self.messages.values().flatten().map(|message| message.receipt.clone()).collect()
    }

    fn extend_at_ms(&self, visibility: Duration) -> i64 {
        let half_ms = i64::try_from(visibility.as_millis() / 2).unwrap_or(i64::MAX);
        self.lease_end_ms.saturating_sub(half_ms)
    }

    /// Time until [`Self::to_extend`] has something to say.
    pub fn until_extension(&self, now_ms: i64, visibility: Duration) -> Duration {
        let wait_ms = self.extend_at_ms(visibility).saturating_sub(now_ms);
        Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))
    }

    /// What is held was hidden until this time.
    pub fn extended(&mut self, lease_end_ms: i64) {
        self.lease_end_ms = lease_end_ms;
        for message in self.messages.values_mut().flatten() {
            message.visible_again_at_ms = lease_end_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{QueueId, StoredRecord};
    use bytes::Bytes;

    fn message(sequence: u64, visible_again_at_ms: i64) -> (String, LeasedMessage) {
        let record = StoredRecord {
            sequence,
            arrived_at_ms: 0,
            key: Bytes::new(),
            attributes: Bytes::new(),
            payload: Bytes::from_static(b"{}"),
            crc: 0,
            provenance: None,
        };
        let receipt = Receipt { queue: QueueId(1), sequence, receive_count: 1 };
        (
            format!("q/{sequence}"),
            LeasedMessage { receipt, first_received_at_ms: 0, visible_again_at_ms, record },
        )
    }

    #[test]
    fn each_message_is_answered_once_and_only_if_it_is_held() {
        let mut holding =
            Holding::of(vec![message(1, 100), message(2, 100), message(3, 100)], Instant::now());
        assert_eq!(holding.answered("q/2".to_owned()).unwrap().receipt.sequence, 2);
        let twice = holding.answered("q/2".to_owned()).unwrap_err().to_string();
        assert!(twice.contains("\"q/2\"") && twice.contains("before"), "{twice}");
        assert!(holding.answered("q/9".to_owned()).is_err());
        let left: Vec<u64> =
            holding.take_unanswered().iter().map(|message| message.receipt.sequence).collect();
        assert_eq!((left, holding.is_empty()), (vec![1, 3], true));
    }

    #[test]
    fn what_is_held_is_hidden_for_longer_from_half_of_its_time_on() {
        let visibility = Duration::from_millis(100);
        let mut holding = Holding::of(vec![message(1, 1_100), message(2, 1_100)], Instant::now());
        assert_eq!(holding.until_extension(1_000, visibility), Duration::from_millis(50));
        assert!(holding.to_extend(1_049, visibility).is_empty());
        holding.answered("q/1".to_owned()).unwrap();
        assert_eq!(holding.to_extend(1_050, visibility).len(), 1, "what is answered is not its own any more");
        holding.extended(1_150);
        assert!(holding.to_extend(1_099, visibility).is_empty());
        assert_eq!(holding.take_unanswered()[0].visible_again_at_ms, 1_150);
        assert!(holding.to_extend(9_999, visibility).is_empty());
    }
}
