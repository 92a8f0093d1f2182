//! The machine against a model that is too simple to be wrong: random steps with restarts, crashes and
//! replays in between.

use super::tests::{policy, send};
use super::{Lease, QueueMachine};
use crate::storage::QueueDepth;
use proptest::{prelude::*, test_runner::RngSeed};
use std::collections::BTreeMap;

const RETENTION_MS: i64 = 500;
const MAX_RECEIVES: u32 = 3;

fn restarted(machine: &QueueMachine) -> QueueMachine {
    let mut bytes = Vec::new();
    machine.encode(&mut bytes);
    QueueMachine::decode(&bytes).unwrap()
}

/// One message of the model.
#[derive(Debug, Clone, Copy)]
struct ModelMessage {
    sent_at: i64,
    visible_at: i64,
    receives: u32,
    first_received: i64,
    leased: bool,
    settling: bool,
}

#[derive(Debug, Clone, Default)]
struct Model {
    messages: BTreeMap<u64, ModelMessage>,
    next: u64,
    deleted: u64,
    expired: u64,
}

impl Model {
    fn visible(&self, now: i64, exhausted: bool) -> Vec<u64> {
        let wanted = |message: &ModelMessage| {
            !message.settling && message.visible_at <= now && (message.receives >= MAX_RECEIVES) == exhausted
        };
        self.messages.iter().filter(|(_, message)| wanted(message)).map(|(sequence, _)| *sequence).collect()
    }

    fn lease(&mut self, now: i64, max: usize, visibility: i64, exhausted: bool) -> Vec<Lease> {
        let chosen: Vec<u64> = self.visible(now, exhausted).into_iter().take(max).collect();
        chosen
            .into_iter()
            .map(|sequence| {
                let message = self.messages.get_mut(&sequence).unwrap();
                if message.receives == 0 {
                    message.first_received = now;
                }
                message.receives += u32::from(!exhausted);
                message.visible_at = now + visibility;
                message.leased = true;
                Lease {
                    sequence,
                    receive_count: message.receives,
                    first_received_at_ms: message.first_received,
                    visible_again_at_ms: message.visible_at,
                }
            })
            .collect()
    }

    fn expire(&mut self, now: i64) -> Vec<u64> {
        let overdue = |message: &ModelMessage| !message.settling && message.sent_at + RETENTION_MS <= now;
        let gone: Vec<u64> = self
            .messages
            .iter()
            .filter(|(_, message)| overdue(message))
            .map(|(sequence, _)| *sequence)
            .collect();
        self.messages.retain(|sequence, _| !gone.contains(sequence));
        self.expired += gone.len() as u64;
        gone
    }

    fn depth(&self, now: i64) -> QueueDepth {
        let count = |wanted: &dyn Fn(&ModelMessage) -> bool| {
            self.messages.values().filter(|message| wanted(message)).count() as u64
        };
        let hidden = |message: &ModelMessage| message.settling || message.visible_at > now;
        let leased = |message: &ModelMessage| message.settling || message.leased;
        QueueDepth {
            ready: self.visible(now, false).len() as u64,
            exhausted: self.visible(now, true).len() as u64,
            in_flight: count(&|message| hidden(message) && leased(message)),
            delayed: count(&|message| hidden(message) && !leased(message)),
            oldest_sent_at_ms: self.messages.values().next().map(|message| message.sent_at),
            sent: self.next,
            deleted: self.deleted,
            expired: self.expired,
            ..QueueDepth::default()
        }
    }
}

/// What the log would hold.
#[derive(Debug, Clone)]
enum Logged {
    Sent(u64, Vec<i64>, i64),
    Lease(Lease),
    Settled(u64),
    Release(u64, u32, i64),
    Expired(u64),
}

impl Logged {
    fn replay(&self, machine: &mut QueueMachine) {
        match self {
            Self::Sent(first, times, visible_at) => send(machine, *first, times, *visible_at),
            Self::Lease(lease) => machine.replay_lease(lease),
            Self::Settled(sequence) => machine.settled(*sequence),
            Self::Release(sequence, receives, visible_at) => {
                machine.release(*sequence, *receives, *visible_at)
            }
            Self::Expired(sequence) => machine.expired(*sequence),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Send {
        count: usize,
        delay: i64,
    },
    Lease {
        max: usize,
        visibility: i64,
    },
    LeaseExhausted {
        max: usize,
        visibility: i64,
    },
    Claim {
        pick: usize,
    },
    Settle {
        pick: usize,
    },
    Unclaim {
        pick: usize,
    },
    Release {
        pick: usize,
        delay: i64,
    },
    Expire,
    Pass {
        time: i64,
    },
    /// A restart from a snapshot taken now.
    Restart,
    /// A restart from a snapshot, then replay of a log that begins before the snapshot.
    ReplayKnown {
        back: usize,
    },
    /// A restart from the last old snapshot and the log since.
    Crash,
    KeepSnapshot,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..6_usize, prop_oneof![3 => Just(0), 2 => 1..60_i64])
            .prop_map(|(count, delay)| Step::Send { count, delay }),
        5 => (1..5_usize, 1..40_i64).prop_map(|(max, visibility)| Step::Lease { max, visibility }),
        2 => (1..4_usize, 1..40_i64).prop_map(|(max, visibility)| Step::LeaseExhausted { max, visibility }),
        4 => any::<usize>().prop_map(|pick| Step::Claim { pick }),
        3 => any::<usize>().prop_map(|pick| Step::Settle { pick }),
        1 => any::<usize>().prop_map(|pick| Step::Unclaim { pick }),
        2 => (any::<usize>(), 0..50_i64).prop_map(|(pick, delay)| Step::Release { pick, delay }),
        1 => Just(Step::Expire),
        6 => prop_oneof![9 => 1..30_i64, 1 => 100..600_i64].prop_map(|time| Step::Pass { time }),
        1 => Just(Step::Restart),
        1 => (0..40_usize).prop_map(|back| Step::ReplayKnown { back }),
        1 => Just(Step::Crash),
        1 => Just(Step::KeepSnapshot),
    ];
    prop::collection::vec(step, 1..120)
}

/// Machine, model, and what a store would keep beside them.
struct Run {
    machine: QueueMachine,
    model: Model,
    now: i64,
    log: Vec<Logged>,
    leases: Vec<Lease>,
    claimed: Vec<u64>,
    snapshot: (Vec<u8>, usize),
}

impl Run {
    fn new() -> Self {
        let machine = QueueMachine::new(policy());
        let mut bytes = Vec::new();
        machine.encode(&mut bytes);
        Self {
            machine,
            model: Model::default(),
            now: 1_000,
            log: Vec::new(),
            leases: Vec::new(),
            claimed: Vec::new(),
            snapshot: (bytes, 0),
        }
    }

    fn picked<T: Copy>(from: &[T], pick: usize) -> Option<T> {
        from.get(pick % from.len().max(1)).copied()
    }

    fn send(&mut self, count: usize, delay: i64) {
        let visible_at = if delay == 0 { 0 } else { self.now + delay };
        let times = vec![self.now; count];
        let first = self.model.next;
        send(&mut self.machine, first, &times, visible_at);
        self.log.push(Logged::Sent(first, times, visible_at));
        for sequence in first..first + count as u64 {
            let message = ModelMessage {
                sent_at: self.now,
                visible_at,
                receives: 0,
                first_received: 0,
                leased: false,
                settling: false,
            };
            self.model.messages.insert(sequence, message);
        }
        self.model.next += count as u64;
    }

    fn handed_out(&mut self, leases: Vec<Lease>) {
        self.log.extend(leases.iter().copied().map(Logged::Lease));
        self.leases.extend(leases);
    }

    fn claim(&mut self, lease: Lease) {
        let granted = self.machine.claim(lease.sequence, lease.receive_count, self.now);
        let known = self.model.messages.get_mut(&lease.sequence);
        let expected = known.filter(|message| message.receives == lease.receive_count && !message.settling);
        assert_eq!(granted, expected.is_some(), "claim of {lease:?}");
        if let Some(message) = expected {
            message.settling = true;
            self.claimed.push(lease.sequence);
        }
    }

    fn release(&mut self, lease: Lease, delay: i64) {
        let visible_at = self.now + delay;
        self.machine.release(lease.sequence, lease.receive_count, visible_at);
        self.log.push(Logged::Release(lease.sequence, lease.receive_count, visible_at));
        if let Some(message) = self.model.messages.get_mut(&lease.sequence)
            && message.receives == lease.receive_count
        {
            message.visible_at = visible_at;
            message.leased = false;
        }
    }

    /// Nobody holds anything on its way to the disk after a restart.
    fn forget_claims(&mut self) {
        for message in self.model.messages.values_mut() {
            message.settling = false;
        }
        self.claimed.clear();
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send { count, delay } => self.send(count, delay),
            Step::Lease { max, visibility } => {
                let leases = self.machine.lease(self.now, max, visibility);
                assert_eq!(leases, self.model.lease(self.now, max, visibility, false));
                self.handed_out(leases);
            }
            Step::LeaseExhausted { max, visibility } => {
                let leases = self.machine.lease_exhausted(self.now, max, visibility);
                assert_eq!(leases, self.model.lease(self.now, max, visibility, true));
                self.handed_out(leases);
            }
            Step::Claim { pick } => {
                if let Some(lease) = Self::picked(&self.leases, pick) {
                    self.claim(lease);
                }
            }
            Step::Settle { pick } => {
                if let Some(sequence) = Self::picked(&self.claimed, pick) {
                    self.claimed.retain(|claimed| *claimed != sequence);
                    self.machine.settled(sequence);
                    self.log.push(Logged::Settled(sequence));
                    self.model.deleted += u64::from(self.model.messages.remove(&sequence).is_some());
                }
            }
            Step::Unclaim { pick } => {
                if let Some(sequence) = Self::picked(&self.claimed, pick) {
                    self.claimed.retain(|claimed| *claimed != sequence);
                    self.machine.unclaim(sequence);
                    let message = self.model.messages.get_mut(&sequence).unwrap();
                    message.settling = false;
                }
            }
            Step::Release { pick, delay } => {
                if let Some(lease) = Self::picked(&self.leases, pick) {
                    self.release(lease, delay);
                }
            }
            Step::Expire => {
                let gone = self.machine.expire(self.now);
                assert_eq!(gone, self.model.expire(self.now));
                self.log.extend(gone.into_iter().map(Logged::Expired));
            }
            Step::Pass { time } => self.now += time,
            Step::Restart | Step::ReplayKnown { .. } | Step::Crash | Step::KeepSnapshot => self.restart(step),
        }
        self.compare();
    }

    /// Steps that write or read snapshots.
    fn restart(&mut self, step: &Step) {
        match *step {
            Step::Restart => {
                self.machine = restarted(&self.machine);
                self.forget_claims();
            }
            Step::ReplayKnown { back } => {
                self.machine = restarted(&self.machine);
                self.forget_claims();
                let from = self.log.len().saturating_sub(back);
                self.log[from..].iter().for_each(|logged| logged.replay(&mut self.machine));
            }
            Step::Crash => {
                self.machine = QueueMachine::decode(&self.snapshot.0).unwrap();
                self.forget_claims();
                self.log[self.snapshot.1..].iter().for_each(|logged| logged.replay(&mut self.machine));
            }
            Step::KeepSnapshot => {
                let mut bytes = Vec::new();
                self.machine.encode(&mut bytes);
                self.snapshot = (bytes, self.log.len());
            }
            _ => {}
        }
    }

    fn compare(&mut self) {
        assert_eq!(self.machine.depth(self.now), self.model.depth(self.now));
        assert_eq!(self.machine.oldest_live_sequence(), self.model.messages.keys().next().copied());
        for sequence in 0..=self.model.next {
            assert_eq!(self.machine.is_live(sequence), self.model.messages.contains_key(&sequence));
        }
        let next_hidden = self.model.messages.values().filter(|message| !message.settling);
        let next_hidden = next_hidden.map(|message| message.visible_at).filter(|at| *at > self.now).min();
        if let Some(next_hidden) = next_hidden {
            assert!(self.machine.next_event_ms().is_some_and(|at| at <= next_hidden));
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 800,
        rng_seed: RngSeed::Fixed(20_190_601),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_machine_does_what_the_model_does(steps in steps()) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
    }

    #[test]
    fn damaged_state_is_refused_or_read_but_never_panics(steps in steps(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut run = Run::new();
        steps.iter().for_each(|step| run.step(step));
        let mut bytes = Vec::new();
        run.machine.encode(&mut bytes);
        prop_assert!(QueueMachine::decode(&bytes[..at.index(bytes.len())]).is_err());
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Ok(mut machine) = QueueMachine::decode(&bytes) {
            machine.lease(run.now, 100, 10);
            machine.expire(run.now + 10_000);
            machine.depth(run.now);
        }
    }
}
