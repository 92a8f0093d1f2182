//! A queue that is too simple to be wrong: every message in one list, every question answered by
//! looking at all of them. It shares no code with the machine but the words for what goes in and out.

use super::{Attempt, Fingerprint, Lease, MessageKeys, ReceiptState};
use crate::storage::{DeduplicationScope, QueueDepth, QueuePolicy};
use std::collections::{BTreeMap, BTreeSet};

const FIVE_MINUTES: i64 = 300_000;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Message {
    pub sent_at: i64,
    pub group: Option<Fingerprint>,
    pub receives: u32,
    pub first_received: i64,
    /// Hidden until then.
    pub until: i64,
    /// Handed out, as opposed to given back or never received.
    pub leased: bool,
    /// A batch on its way has it.
    pub pinned: bool,
    /// Since when somebody works on it, while that is known.
    pub since: Option<i64>,
}

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub policy: QueuePolicy,
    pub messages: BTreeMap<u64, Message>,
    pub next: u64,
    /// Deduplication id, first sequence, time.
    ids: Vec<(Fingerprint, u64, i64)>,
    attempts: BTreeMap<Fingerprint, Attempt>,
    last_sent: BTreeMap<Fingerprint, i64>,
    /// Work done: minute, group, milliseconds.
    work: Vec<(i64, Option<Fingerprint>, i64)>,
    deleted: u64,
    expired: u64,
    purged: u64,
    latest_sent: i64,
}

impl Model {
    pub fn new(policy: QueuePolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Lets leases run out, and counts the work of those who had them.
    fn pass(&mut self, now: i64) {
        let mut due: Vec<(i64, u64)> =
            self.messages.iter().map(|(at, message)| (message.until, *at)).collect();
        due.retain(|(until, at)| *until <= now && self.messages[at].leased && !self.messages[at].pinned);
        due.sort_unstable();
        for (until, at) in due {
            self.count_work(at, until);
            self.messages.get_mut(&at).unwrap().leased = false;
        }
    }

    fn count_work(&mut self, sequence: u64, now: i64) {
        let message = self.messages[&sequence];
        let grouped = self.messages.values().any(|message| message.group.is_some());
        if let Some(since) = message.since.filter(|_| message.leased && grouped && !self.policy.fifo) {
            self.work.push((now.div_euclid(60_000), message.group, (now - since).max(0)));
        }
    }

    fn until(&self, sequence: u64) -> i64 {
        let message = &self.messages[&sequence];
        match self.policy.fifo && message.receives == 0 {
            true => message.sent_at + i64::try_from(self.policy.delay.as_millis()).unwrap(),
            false => message.until,
        }
    }

    fn is_visible(&self, sequence: u64, now: i64) -> bool {
        !self.messages[&sequence].pinned && self.until(sequence) <= now
    }

    fn is_spent(&self, sequence: u64) -> bool {
        let receives = self.messages[&sequence].receives;
        receives > 0 && self.policy.max_receives.is_some_and(|max| receives >= max)
    }

    fn visible(&self, now: i64) -> Vec<u64> {
        self.messages.keys().copied().filter(|at| self.is_visible(*at, now)).collect()
    }

    fn is_in_flight(&self, sequence: u64, now: i64) -> bool {
        let message = &self.messages[&sequence];
        message.pinned || (message.leased && message.until > now)
    }

    fn in_flight(&self, now: i64, group: Option<Fingerprint>) -> i64 {
        let mine = |at: &&u64| group.is_none() || self.messages[*at].group == group;
        self.messages.keys().filter(mine).filter(|at| self.is_in_flight(**at, now)).count() as i64
    }

    /// Groups of a FIFO queue that have a message in flight, given back with a delay, or spent.
    fn closed(&self, now: i64) -> BTreeSet<Option<Fingerprint>> {
        let held =
            |at: &u64| self.messages[at].receives > 0 && (!self.is_visible(*at, now) || self.is_spent(*at));
        let held = self.messages.keys().filter(|at| self.policy.fifo && held(at));
        held.map(|at| self.messages[at].group).collect()
    }

    /// What a receive may take, in order.
    fn receivable(&self, now: i64) -> Vec<u64> {
        let closed = self.closed(now);
        let may = |at: &u64| !self.is_spent(*at) && !closed.contains(&self.messages[at].group);
        self.visible(now).into_iter().filter(may).collect()
    }

    pub fn send(&mut self, sent_at: i64, until: i64, keys: MessageKeys, now: i64) {
        let mut sent_at = sent_at;
        if self.policy.fifo || self.latest_sent - sent_at <= 1_000 {
            sent_at = sent_at.max(self.latest_sent);
        }
        self.latest_sent = self.latest_sent.max(sent_at);
        let group = if self.policy.fifo { Some(keys.group.unwrap_or_default()) } else { keys.group };
        if let Some(group) = group {
            self.last_sent.insert(group, now);
        }
        if let Some(id) = self.id(&keys) {
            self.ids.retain(|(_, _, at)| at + FIVE_MINUTES > now);
            if !self.ids.iter().any(|(known, ..)| *known == id) {
                self.ids.push((id, self.next, now));
            }
        }
        let message = Message {
            sent_at,
            group,
            receives: 0,
            first_received: 0,
            until: if until <= now { 0 } else { until },
            leased: false,
            pinned: false,
            since: None,
        };
        self.messages.insert(self.next, message);
        self.next += 1;
    }

    fn id(&self, keys: &MessageKeys) -> Option<Fingerprint> {
        let id = keys.deduplication.filter(|_| self.policy.fifo)?;
        let by_group = self.policy.deduplication_scope == DeduplicationScope::Group;
        Some(if by_group { id.within(keys.group.unwrap_or_default()) } else { id })
    }

    pub fn duplicate_of(&self, keys: &MessageKeys, now: i64) -> Option<u64> {
        let id = self.id(keys)?;
        let known = self.ids.iter().find(|(known, _, at)| *known == id && at + FIVE_MINUTES > now);
        known.map(|(_, sequence, _)| *sequence)
    }

    fn is_noisy(&self, group: Fingerprint, now: i64) -> bool {
        let minute = now.div_euclid(60_000);
        let recent: Vec<_> = self.work.iter().filter(|(at, ..)| *at >= minute - 1).collect();
        let all: i64 = recent.iter().map(|(_, _, spent)| spent).sum();
        let own: i64 =
            recent.iter().filter(|(_, who, _)| *who == Some(group)).map(|(_, _, spent)| spent).sum();
        let crowd = self.in_flight(now, Some(group));
        let crowded = crowd >= 30 && crowd * 10 > self.in_flight(now, None);
        (crowded || own * 10 > all) && self.last_sent[&group] + FIVE_MINUTES > now
    }

    /// Whose turn it is on a standard queue: quiet before noisy, the noisy ones by what they have in
    /// flight, else by age.
    fn next_fair(&self, now: i64) -> Option<u64> {
        let heads = self.receivable(now);
        let groups: BTreeSet<Fingerprint> = heads.iter().filter_map(|at| self.messages[at].group).collect();
        let noisy = groups.into_iter().filter(|group| self.is_noisy(*group, now));
        let noisy: BTreeMap<Fingerprint, i64> =
            noisy.map(|group| (group, self.in_flight(now, Some(group)))).collect();
        let rank = |at: &u64| {
            let own = self.messages[at].group.and_then(|group| noisy.get(&group));
            (own.is_some(), own.copied().unwrap_or(0), *at)
        };
        heads.into_iter().min_by_key(rank)
    }

    fn next_in_order(&self, now: i64, open: &mut Option<Fingerprint>) -> Option<u64> {
        let mine = |at: &u64| open.is_some() && self.messages[at].group == *open && !self.is_spent(*at);
        let same = self.visible(now).into_iter().find(mine);
        let next = same.or_else(|| self.receivable(now).first().copied());
        *open = next.and_then(|at| self.messages[&at].group);
        next
    }

    pub fn lease(&mut self, now: i64, max: usize, visibility: i64) -> Vec<Lease> {
        self.pass(now);
        let room = |limit: u32| (i64::from(limit) - self.in_flight(now, None)).max(0);
        let room = self.policy.in_flight_limit.map_or(usize::MAX, |limit| room(limit) as usize);
        let (mut leases, mut open) = (Vec::new(), None);
        while leases.len() < max.min(room) {
            let next = match self.policy.fifo {
                true => self.next_in_order(now, &mut open),
                false => self.next_fair(now),
            };
            let Some(at) = next else { break };
            let message = self.messages.get_mut(&at).unwrap();
            if message.receives == 0 {
                message.first_received = now;
            }
            message.receives += 1;
            (message.leased, message.until, message.since) = (true, now + visibility, Some(now));
            leases.push(self.as_lease(at));
        }
        leases
    }

    /// What a move takes next of what was sent before `before`: of the open group while that has more.
    pub fn next_to_move(&self, now: i64, before: u64, open: &mut Option<Fingerprint>) -> Option<u64> {
        let next = match self.policy.fifo {
            true => self.next_in_order(now, open),
            false => self.visible(now).into_iter().find(|at| !self.is_spent(*at)),
        };
        next.filter(|at| *at < before)
    }

    fn as_lease(&self, sequence: u64) -> Lease {
        let message = &self.messages[&sequence];
        Lease {
            sequence,
            receive_count: message.receives,
            first_received_at_ms: message.first_received,
            visible_again_at_ms: message.until,
        }
    }

    pub fn lease_exhausted(&mut self, now: i64, max: usize, visibility: i64) -> Vec<Lease> {
        self.pass(now);
        let spent: Vec<u64> =
            self.visible(now).into_iter().filter(|at| self.is_spent(*at)).take(max).collect();
        let hide = |at| {
            let message = self.messages.get_mut(&at).unwrap();
            (message.leased, message.until, message.since) = (true, now + visibility, None);
            self.as_lease(at)
        };
        spent.into_iter().map(hide).collect()
    }

    pub fn lease_again(&mut self, id: Fingerprint, now: i64, visibility: i64) -> Option<Vec<Lease>> {
        self.pass(now);
        let attempt =
            self.attempts.get(&id).filter(|attempt| attempt.first_at_ms + FIVE_MINUTES > now)?.clone();
        let unchanged = |(at, receives): &(u64, u32)| {
            self.receipt(*at, *receives, now) == ReceiptState::InFlight
                && self.messages[at].until == attempt.visible_again_at_ms
        };
        if !attempt.messages.iter().all(unchanged) {
            return None;
        }
        let visible_again_at_ms = now + visibility;
        for (at, _) in &attempt.messages {
            self.messages.get_mut(at).unwrap().until = visible_again_at_ms;
        }
        let leases = attempt.messages.iter().map(|(at, _)| self.as_lease(*at)).collect();
        self.attempts.insert(id, Attempt { visible_again_at_ms, ..attempt });
        Some(leases)
    }

    pub fn attempted(&mut self, attempt: Attempt) {
        self.attempts.insert(attempt.id, attempt);
    }

    pub fn receipt(&self, sequence: u64, receives: u32, now: i64) -> ReceiptState {
        match self.messages.get(&sequence) {
            None => ReceiptState::Gone,
            Some(message) if message.pinned => ReceiptState::Gone,
            Some(message) if message.receives != receives || receives == 0 => ReceiptState::Superseded,
            Some(message) if message.leased && message.until > now => ReceiptState::InFlight,
            Some(_) => ReceiptState::Expired,
        }
    }

    pub fn claim(&mut self, sequence: u64, receives: u32, now: i64, to_delete: bool) -> bool {
        self.pass(now);
        // A standard queue may have lost the receive that the receipt comes from.
        let is_lost = self.messages.get(&sequence).is_some_and(|known| known.receives < receives);
        let granted = match self.receipt(sequence, receives, now) {
            ReceiptState::InFlight => true,
            ReceiptState::Expired => !self.policy.fifo,
            ReceiptState::Superseded => to_delete && !self.policy.fifo && is_lost,
            ReceiptState::Gone => false,
        };
        if granted {
            self.count_work(sequence, now);
            let message = self.messages.get_mut(&sequence).unwrap();
            message.pinned = true;
            message.since = Some(now);
        }
        granted
    }

    pub fn unclaim(&mut self, sequence: u64) {
        self.messages.get_mut(&sequence).unwrap().pinned = false;
    }

    pub fn settled(&mut self, sequence: u64) {
        self.deleted += u64::from(self.remove(sequence));
    }

    fn remove(&mut self, sequence: u64) -> bool {
        let Some(message) = self.messages.remove(&sequence) else { return false };
        if let Some(group) = message.group
            && !self.messages.values().any(|other| other.group == message.group)
        {
            // Its backlog is used up: it starts afresh.
            let work = self.work.iter_mut().filter(|(_, who, _)| *who == Some(group));
            work.for_each(|(_, who, _)| *who = None);
        }
        true
    }

    pub fn change_visibility(&mut self, sequence: u64, receives: u32, until: i64, now: i64) {
        if let Some(message) = self.messages.get_mut(&sequence).filter(|known| known.receives == receives) {
            (message.pinned, message.leased, message.until) = (false, until > now, until);
        }
    }

    pub fn release(&mut self, sequence: u64, receives: u32, until: i64) {
        let known = self.messages.get_mut(&sequence);
        if let Some(message) = known.filter(|known| known.receives == receives && receives > 0) {
            (message.leased, message.until) = (false, until);
        }
    }

    pub fn extend(&mut self, sequence: u64, receives: u32, until: i64, now: i64) -> Option<Lease> {
        self.pass(now);
        let given_back = self.messages.get(&sequence);
        let given_back = given_back.is_some_and(|message| !message.leased && message.until > now);
        let message = match self.receipt(sequence, receives, now) {
            ReceiptState::InFlight => self.messages.get_mut(&sequence)?,
            ReceiptState::Expired if !self.policy.fifo && !given_back => self.messages.get_mut(&sequence)?,
            _ => return None,
        };
        if !message.leased {
            message.since = Some(now);
        }
        (message.leased, message.until) = (true, until);
        Some(self.as_lease(sequence))
    }

    pub fn expire(&mut self, now: i64) -> Vec<u64> {
        self.pass(now);
        let Some(retention) = self.policy.retention else { return Vec::new() };
        let cutoff = now - i64::try_from(retention.as_millis()).unwrap();
        let overdue =
            self.messages.iter().filter(|(_, message)| !message.pinned && message.sent_at <= cutoff);
        let gone: Vec<u64> = overdue.map(|(at, _)| *at).collect();
        self.expired += gone.iter().filter(|at| self.remove(**at)).count() as u64;
        gone
    }

    pub fn purge(&mut self) {
        self.purged += self.messages.len() as u64;
        self.messages.clear();
        self.attempts.clear();
        self.work.clear();
    }

    /// A restart: nobody holds anything on its way to the disk, nobody knows who worked on what.
    pub fn restart(&mut self) {
        self.work.clear();
        self.messages.values_mut().for_each(|message| (message.pinned, message.since) = (false, None));
    }

    pub fn depth(&mut self, now: i64) -> QueueDepth {
        self.pass(now);
        let count =
            |wanted: &dyn Fn(u64) -> bool| self.messages.keys().filter(|at| wanted(**at)).count() as u64;
        let groups = |wanted: &dyn Fn(u64) -> bool| -> BTreeSet<Fingerprint> {
            let wanted = self.messages.keys().filter(|at| wanted(**at));
            wanted.filter_map(|at| self.messages[at].group).collect()
        };
        let mut active = groups(&|at| self.is_in_flight(at, now));
        let receivable = self.receivable(now);
        active.extend(groups(&|at| receivable.binary_search(&at).is_ok()));
        QueueDepth {
            ready: count(&|at| self.is_visible(at, now) && !self.is_spent(at)),
            in_flight: count(&|at| self.is_in_flight(at, now)),
            delayed: count(&|at| !self.is_visible(at, now) && !self.is_in_flight(at, now)),
            exhausted: count(&|at| self.is_visible(at, now) && self.is_spent(at)),
            active_groups: active.len() as u64,
            oldest_sent_at_ms: self.messages.values().next().map(|message| message.sent_at),
            sent: self.next,
            deleted: self.deleted,
            expired: self.expired,
            purged: self.purged,
        }
    }

    /// The next time at which a hidden message becomes visible by itself.
    pub fn next_event(&self, now: i64) -> Option<i64> {
        let free = self.messages.keys().filter(|at| !self.messages[at].pinned);
        free.map(|at| self.until(*at)).filter(|until| *until > now).min()
    }
}
