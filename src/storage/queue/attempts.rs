//! Receive request attempts: what a FIFO receive gave, so that asking again with the same id within
//! five minutes gives the same messages.

use super::keys::Fingerprint;
use std::collections::{HashMap, VecDeque};

/// How long an attempt can be repeated, counted from its first receive.
const WINDOW_MS: i64 = 5 * 60_000;
/// Attempts that may be remembered beyond those that can still be repeated.
const SLACK: usize = 1_024;

/// What one receive gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub id: Fingerprint,
    pub first_at_ms: i64,
    /// When its messages become visible again, unless something changes that.
    pub visible_again_at_ms: i64,
    /// Sequences with their receive counts.
    pub messages: Vec<(u64, u32)>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Attempts {
    known: HashMap<Fingerprint, Attempt>,
    /// By first receive; an id may stand here that was replaced since.
    order: VecDeque<(i64, Fingerprint)>,
}

impl Attempts {
    /// Forgets what is older than the window.
    pub fn turn(&mut self, now_ms: i64) {
        while self.order.front().is_some_and(|(at_ms, _)| at_ms.saturating_add(WINDOW_MS) <= now_ms) {
            if let Some((at_ms, id)) = self.order.pop_front()
                && self.known.get(&id).is_some_and(|attempt| attempt.first_at_ms == at_ms)
            {
                self.known.remove(&id);
            }
        }
    }

    pub fn get(&self, id: Fingerprint) -> Option<&Attempt> {
        self.known.get(&id)
    }

    pub fn remember(&mut self, attempt: Attempt) {
        let (id, at_ms) = (attempt.id, attempt.first_at_ms);
        let known = self.known.insert(id, attempt);
        if known.is_none_or(|known| known.first_at_ms != at_ms) {
            self.order.push_back((at_ms, id));
        }
    }

    /// True when so many are remembered that most of them cannot be repeated any more: each that can
    /// has a message in flight of its own.
    pub fn are_too_many(&self, in_flight: u64) -> bool {
        let most = usize::try_from(in_flight).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(SLACK);
        self.order.len() > most
    }

    /// Forgets those that cannot be repeated.
    pub fn retain(&mut self, can_be_repeated: impl Fn(&Attempt) -> bool) {
        self.known.retain(|_, attempt| can_be_repeated(attempt));
        let known = &self.known;
        self.order.retain(|(at_ms, id)| known.get(id).is_some_and(|attempt| attempt.first_at_ms == *at_ms));
    }

    /// By first receive.
    pub fn iter(&self) -> impl Iterator<Item = &Attempt> {
        let at = |(at_ms, id): &(i64, Fingerprint)| {
            self.known.get(id).filter(|attempt| attempt.first_at_ms == *at_ms)
        };
        self.order.iter().filter_map(at)
    }
}
