//! Machine and naive model through the same random histories, with restarts, crashes and replays in
//! between. Seeded: a failure names its seed and step.

use super::{
    Arrivals, Attempt, Fingerprint, Lease, MessageKeys, QueueMachine, ReceiptState, naive_model::Model,
};
use crate::storage::{DeduplicationScope, QueuePolicy};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::time::Duration;

/// What the log would hold.
#[derive(Debug, Clone)]
enum Logged {
    Sent { first: u64, sent_at: Vec<i64>, visible_at: i64, keys: Vec<MessageKeys>, now: i64 },
    Lease(Lease),
    Attempt(Attempt, i64),
    Settled(u64),
    Changed { sequence: u64, receives: u32, until: i64, now: i64 },
    Release(u64, u32, i64),
    Expired(u64),
    Purge(u64, i64),
    Policy(QueuePolicy, i64),
}

impl Logged {
    fn replay(&self, machine: &mut QueueMachine) {
        match self {
            Self::Sent { first, sent_at, visible_at, keys, now } => machine.sent(&Arrivals {
                first: *first,
                sent_at_ms: sent_at,
                visible_at_ms: *visible_at,
                keys,
                now_ms: *now,
            }),
            Self::Lease(lease) => machine.replay_lease(lease),
            Self::Attempt(attempt, now) => machine.attempted(attempt.clone(), *now),
            Self::Settled(sequence) => machine.settled(*sequence),
            Self::Changed { sequence, receives, until, now } => {
                machine.change_visibility(*sequence, *receives, *until, *now);
            }
            Self::Release(sequence, receives, until) => machine.release(*sequence, *receives, *until),
            Self::Expired(sequence) => machine.expired(*sequence),
            Self::Purge(before, now) => machine.purge(*before, *now),
            Self::Policy(policy, now) => machine.set_policy(*policy, *now),
        }
    }
}

/// What the histories of one kind of queue are made of.
#[derive(Debug, Clone, Copy)]
struct Flavour {
    policy: QueuePolicy,
    groups: u64,
    /// Most messages sent, or received, at once.
    together: usize,
    /// No more are sent while so many are there.
    most: usize,
}

/// Machine, model, and what a store would keep beside them.
struct History {
    random: SmallRng,
    flavour: Flavour,
    machine: QueueMachine,
    model: Model,
    /// The model without the leases that a crash may lose.
    flushed: Model,
    now: i64,
    log: Vec<Logged>,
    receipts: Vec<(u64, u32)>,
    /// On the way to the disk: to be deleted, or hidden until a time.
    claims: Vec<(u64, u32, Option<i64>)>,
    snapshot: (Vec<u8>, usize),
}

fn encoded(machine: &QueueMachine) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine.encode(&mut bytes);
    bytes
}

impl History {
    fn new(seed: u64, flavour: Flavour) -> Self {
        let machine = QueueMachine::new(flavour.policy);
        let model = Model::new(flavour.policy);
        Self {
            random: SmallRng::seed_from_u64(seed),
            flavour,
            snapshot: (encoded(&machine), 0),
            machine,
            flushed: model.clone(),
            model,
            now: 1_000_000,
            log: Vec::new(),
            receipts: Vec::new(),
            claims: Vec::new(),
        }
    }

    /// Logs what is answered only after the flush.
    fn flush(&mut self, logged: Logged) {
        self.log.push(logged);
        self.flushed = self.model.clone();
    }

    fn upto(&mut self, most: i64) -> i64 {
        self.random.random_range(0..=most)
    }

    fn keys(&mut self) -> MessageKeys {
        let name = |number: u64| Fingerprint::of(&number.to_le_bytes());
        let grouped = self.flavour.policy.fifo || self.random.random_bool(0.8);
        // A few groups get most messages.
        let group = self.random.random_range(0..self.flavour.groups).min(self.random.random_range(0..1_000));
        let id = self.random.random_bool(0.4).then(|| name(self.random.random_range(1_000..1_012)));
        MessageKeys {
            group: (grouped && self.flavour.groups > 1).then(|| name(group)),
            deduplication: id.filter(|_| self.flavour.policy.fifo),
        }
    }

    fn send(&mut self) {
        let count = self.random.random_range(1..=self.flavour.together);
        let visible_at = if self.random.random_bool(0.3) { self.now + self.upto(60) } else { 0 };
        let age = if self.random.random_bool(0.1) { self.upto(4_000) } else { 0 };
        let (first, now) = (self.model.next, self.now);
        let (mut sent_at, mut keys) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let message = self.keys();
            let first_sent = self.model.duplicate_of(&message, now);
            let id = self.machine.deduplication_id(&message);
            assert_eq!(id.and_then(|id| self.machine.first_sent_with(id, now)), first_sent, "{message:?}");
            let pending = keys.iter().any(|known| self.machine.deduplication_id(known) == id && id.is_some());
            if first_sent.is_none() && !pending {
                sent_at.push(now - age);
                keys.push(message);
            }
        }
        if keys.is_empty() {
            return;
        }
        keys.iter().for_each(|keys| self.model.send(now - age, visible_at, *keys, now));
        if keys.iter().all(|keys| *keys == MessageKeys::default()) {
            keys.clear();
        }
        let logged = Logged::Sent { first, sent_at, visible_at, keys, now };
        logged.replay(&mut self.machine);
        self.flush(logged);
    }

    fn lease(&mut self) {
        let max = self.random.random_range(0..=self.flavour.together);
        let (now, visibility) = (self.now, self.upto(39) + 1);
        let visibility = if self.random.random_bool(0.1) { visibility * 1_000 } else { visibility };
        let id = self.random.random_bool(0.5).then(|| Fingerprint::of(&[self.random.random_range(0..4)]));
        let Some(id) = id.filter(|_| self.flavour.policy.fifo) else {
            let leases = self.machine.lease(now, max, visibility);
            assert_eq!(leases, self.model.lease(now, max, visibility));
            return self.handed_out(&leases);
        };
        let again = self.machine.lease_again(id, now, visibility);
        let expected = self.model.lease_again(id, now, visibility);
        assert_eq!(again.as_ref().map(|(leases, _)| leases), expected.as_ref());
        let attempt = match again {
            Some((leases, attempt)) => {
                self.handed_out(&leases);
                Some(attempt)
            }
            None => {
                let leases = self.machine.lease(now, max, visibility);
                assert_eq!(leases, self.model.lease(now, max, visibility));
                self.handed_out(&leases);
                self.machine.remember_attempt(id, now, &leases)
            }
        };
        if let Some(attempt) = attempt {
            self.model.attempted(attempt.clone());
            self.flush(Logged::Attempt(attempt, now));
        }
    }

    fn handed_out(&mut self, leases: &[Lease]) {
        self.log.extend(leases.iter().copied().map(Logged::Lease));
        self.receipts.extend(leases.iter().map(|lease| (lease.sequence, lease.receive_count)));
        if self.flavour.policy.fifo {
            // FIFO receives wait for the disk.
            self.flushed = self.model.clone();
        }
    }

    /// A receipt, rather a young one.
    fn receipt(&mut self) -> Option<(u64, u32)> {
        let count = self.receipts.len();
        let back = self.random.random_range(0..count.max(1)).min(self.random.random_range(0..200));
        self.receipts.get(count.checked_sub(back + 1)?).copied()
    }

    fn claim(&mut self) {
        let Some((sequence, receives)) = self.receipt() else { return };
        let to_delete = self.random.random_bool(0.7);
        let granted = match to_delete {
            true => self.machine.claim(sequence, receives, self.now),
            false => self.machine.claim_to_hide(sequence, receives, self.now),
        };
        let expected = self.model.claim(sequence, receives, self.now, to_delete);
        assert_eq!(granted, expected, "claim of {sequence}, received {receives} times");
        if granted {
            let until = if self.random.random_bool(0.5) { self.now } else { self.now + self.upto(90) };
            self.claims.push((sequence, receives, (!to_delete).then_some(until)));
        }
    }

    fn settle(&mut self) {
        if self.claims.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.claims.len());
        let (sequence, receives, until) = self.claims.swap_remove(place);
        if self.random.random_bool(0.15) {
            self.machine.unclaim(sequence);
            return self.model.unclaim(sequence);
        }
        let now = self.now;
        let logged = match until {
            None => {
                self.model.settled(sequence);
                Logged::Settled(sequence)
            }
            Some(until) => {
                self.model.change_visibility(sequence, receives, until, now);
                Logged::Changed { sequence, receives, until, now }
            }
        };
        logged.replay(&mut self.machine);
        self.flush(logged);
    }

    fn give_back_or_extend(&mut self) {
        let Some((sequence, receives)) = self.receipt() else { return };
        let until = self.now + self.upto(50);
        if self.random.random_bool(0.5) {
            self.model.release(sequence, receives, until);
            let logged = Logged::Release(sequence, receives, until);
            logged.replay(&mut self.machine);
            return self.flush(logged);
        }
        let lease = self.machine.extend(sequence, receives, until + 1, self.now);
        assert_eq!(lease, self.model.extend(sequence, receives, until + 1, self.now));
        self.log.extend(lease.map(Logged::Lease));
    }

    fn lease_exhausted(&mut self) {
        let visibility = self.upto(40) + 1;
        let leases = self.machine.lease_exhausted(self.now, 3, visibility);
        assert_eq!(leases, self.model.lease_exhausted(self.now, 3, visibility));
        self.handed_out(&leases);
    }

    fn expire(&mut self) {
        let gone = self.machine.expire(self.now);
        assert_eq!(gone, self.model.expire(self.now));
        gone.into_iter().for_each(|sequence| self.flush(Logged::Expired(sequence)));
    }

    fn set_policy(&mut self) {
        let mut policy = self.flavour.policy;
        let seconds = |seconds: u64| Some(Duration::from_secs(seconds));
        policy.max_receives = [None, Some(1), Some(2), Some(3)][self.random.random_range(0..4)];
        policy.retention = [None, seconds(1), seconds(5), seconds(400)][self.random.random_range(0..4)];
        policy.in_flight_limit = [None, Some(5), Some(40)][self.random.random_range(0..3)];
        policy.delay = Duration::from_millis([0, 20, 60][self.random.random_range(0..3)]);
        if self.random.random_bool(0.3) {
            policy.deduplication_scope = DeduplicationScope::Group;
        }
        self.model.policy = policy;
        let logged = Logged::Policy(policy, self.now);
        logged.replay(&mut self.machine);
        self.flush(logged);
    }

    /// No batch with a message of the queue is on its way then.
    fn purge(&mut self) {
        while !self.claims.is_empty() {
            self.settle();
        }
        self.model.purge();
        let logged = Logged::Purge(self.model.next, self.now);
        logged.replay(&mut self.machine);
        self.flush(logged);
    }

    fn pass(&mut self) {
        self.now += match self.random.random_range(0..200) {
            0 => 301_000,
            1..=3 => 61_000,
            4..=20 => self.upto(3_000),
            _ => self.upto(30),
        };
    }

    /// A restart from a snapshot taken now, one with a replay of what it knows already, or one from an
    /// old snapshot and the log since, of which a crash may lose the last leases.
    fn restart(&mut self) {
        let (snapshot, from) = match self.random.random_range(0..4) {
            0 => (encoded(&self.machine), self.log.len()),
            1 => (encoded(&self.machine), self.log.len().saturating_sub(self.random.random_range(0..40))),
            2 => self.snapshot.clone(),
            _ => {
                let lost = self.log.iter().rev().take_while(|logged| matches!(logged, Logged::Lease(_)));
                let kept = self.log.len() - lost.count();
                if !self.flavour.policy.fifo && kept >= self.snapshot.1 {
                    self.log.truncate(kept);
                    self.model = self.flushed.clone();
                }
                self.snapshot.clone()
            }
        };
        self.machine = QueueMachine::decode(&snapshot).unwrap();
        self.log[from..].iter().for_each(|logged| logged.replay(&mut self.machine));
        self.model.restart();
        self.flushed = self.model.clone();
        self.claims.clear();
        self.snapshot = (encoded(&self.machine), self.log.len());
    }

    fn step(&mut self) {
        match self.random.random_range(0..1_000) {
            0..200 if self.model.messages.len() < self.flavour.most => self.send(),
            200..400 => self.lease(),
            400..440 => self.lease_exhausted(),
            440..600 => self.claim(),
            600..740 => self.settle(),
            740..800 => self.give_back_or_extend(),
            800..830 => self.expire(),
            830..833 => self.purge(),
            833..845 => self.set_policy(),
            845..970 => self.pass(),
            970..985 => self.restart(),
            _ => self.snapshot = (encoded(&self.machine), self.log.len()),
        }
        self.compare();
    }

    fn compare(&mut self) {
        assert_eq!(self.machine.depth(self.now), self.model.depth(self.now));
        assert_eq!(self.machine.oldest_live_sequence(), self.model.messages.keys().next().copied());
        let (from, now) = (self.model.next.saturating_sub(50), self.now);
        for sequence in (from..=self.model.next).chain(self.model.messages.keys().copied()) {
            assert_eq!(self.machine.is_live(sequence), self.model.messages.contains_key(&sequence));
        }
        if let Some((sequence, receives)) = self.receipt() {
            let (seen, expected) =
                (self.machine.receipt(sequence, receives, now), self.model.receipt(sequence, receives, now));
            let lost = self.model.messages.get(&sequence).is_some_and(|message| message.receives == 0);
            assert!(seen == expected || (lost && seen == ReceiptState::Gone), "{seen:?}, not {expected:?}");
        }
        if let Some(next) = self.model.next_event(now) {
            assert!(self.machine.next_event_ms().is_some_and(|at| at <= next));
        }
    }
}

/// Follows histories of that many steps each; more of them where `CAUDAL_HISTORY_STEPS` says how many steps to
/// take in all, from seeds that no shorter run has.
fn follow(flavour: Flavour, histories: u64, steps: usize) {
    let asked = std::env::var("CAUDAL_HISTORY_STEPS").ok().and_then(|asked| asked.parse::<u64>().ok());
    let histories = asked.map_or(histories, |asked| histories.max(asked / steps as u64));
    for seed in 0..histories {
        let mut history = History::new(seed, flavour);
        for step in 0..steps {
            let stepped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| history.step()));
            assert!(stepped.is_ok(), "seed {seed}, step {step} of {flavour:?}");
        }
    }
}

#[test]
fn a_fifo_queue_does_what_the_model_does() {
    let policy = QueuePolicy { fifo: true, max_receives: Some(3), ..QueuePolicy::default() };
    follow(Flavour { policy, groups: 6, together: 8, most: 40 }, 12, 700);
}

#[test]
fn a_standard_queue_with_delays_does_what_the_model_does() {
    let policy = QueuePolicy { max_receives: Some(3), ..QueuePolicy::default() };
    follow(Flavour { policy, groups: 1, together: 8, most: 40 }, 12, 700);
}

#[test]
fn a_fair_queue_does_what_the_model_does() {
    let policy = QueuePolicy { max_receives: Some(30), ..QueuePolicy::default() };
    follow(Flavour { policy, groups: 5, together: 45, most: 100 }, 8, 400);
}
