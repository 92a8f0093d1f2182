//! The machine's promises one by one.

use super::{Arrivals, QueueMachine, numbers::DecodeError};
use crate::storage::QueuePolicy;
use std::time::Duration;

pub(super) fn policy() -> QueuePolicy {
    let retention = Some(Duration::from_millis(500));
    QueuePolicy { max_receives: Some(3), retention, ..QueuePolicy::default() }
}

pub(super) fn send(machine: &mut QueueMachine, first: u64, sent_at_ms: &[i64], visible_at_ms: i64) {
    let now_ms = sent_at_ms.last().copied().unwrap_or(0);
    machine.sent(&Arrivals { first, sent_at_ms, visible_at_ms, now_ms, keys: &[] });
}

#[test]
fn a_million_waiting_messages_are_one_range() {
    let mut machine = QueueMachine::new(QueuePolicy::default());
    for block in 0..2_000_u64 {
        send(&mut machine, block * 500, &[block as i64; 500], 0);
    }
    assert_eq!(machine.depth(5_000).ready, 1_000_000);
    let held = machine.held();
    assert_eq!((held.ranges, held.received, held.timers), (1, 0, 0));
    assert_eq!(held.sent_times, 2_000);
    let leases = machine.lease(5_000, 10, 100);
    let held = machine.held();
    assert_eq!((held.ranges, held.received, held.timers), (1, 10, 10));
    for lease in leases {
        assert!(machine.claim(lease.sequence, lease.receive_count, 5_000));
        machine.settled(lease.sequence);
    }
    assert_eq!(machine.held().received, 0);
    let mut bytes = Vec::new();
    machine.encode(&mut bytes);
    assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
}

#[test]
fn a_message_stuck_at_the_head_does_not_hold_what_was_known_of_later_ones() {
    let mut machine = QueueMachine::new(QueuePolicy::default());
    send(&mut machine, 0, &[0], 1_000_000_000);
    for sequence in 1..100_000_i64 {
        send(&mut machine, sequence as u64, &[sequence], 0);
        let lease = machine.lease(sequence, 1, 100).pop().unwrap();
        machine.claim(lease.sequence, lease.receive_count, sequence);
        machine.settled(lease.sequence);
    }
    assert!(machine.held().sent_times < 3_000, "{:?}", machine.held());
    assert_eq!(machine.depth(100_000).oldest_sent_at_ms, Some(0));
}

#[test]
fn a_late_worker_may_settle_until_somebody_else_has_received_the_message() {
    let mut machine = QueueMachine::new(QueuePolicy::default());
    send(&mut machine, 0, &[0, 0], 0);
    let first = machine.lease(0, 2, 10);
    assert_eq!(machine.lease(20, 1, 10).len(), 1);
    assert!(!machine.claim(0, first[0].receive_count, 21), "it has passed to somebody else");
    assert!(machine.claim(1, first[1].receive_count, 21), "nobody else has it");
    assert!(!machine.claim(1, first[1].receive_count, 21), "it is being deleted already");
    assert!(
        machine.lease(1_000, 5, 10).iter().all(|lease| lease.sequence == 0),
        "what is being deleted stays hidden"
    );
    machine.unclaim(1);
    assert_eq!(machine.lease(1_000, 5, 10).len(), 1);
}

#[test]
fn a_message_received_too_often_is_offered_for_the_move_only() {
    let mut machine = QueueMachine::new(QueuePolicy { max_receives: Some(2), ..QueuePolicy::default() });
    send(&mut machine, 0, &[0], 0);
    assert_eq!(machine.lease(0, 1, 10).len(), 1);
    assert_eq!(machine.lease(10, 1, 10).len(), 1);
    assert!(machine.lease(20, 1, 10).is_empty());
    assert_eq!(machine.depth(20).exhausted, 1);
    let move_of = machine.lease_exhausted(20, 10, 10);
    assert_eq!(move_of[0].receive_count, 2, "the move is no receive");
    assert!(machine.lease_exhausted(25, 10, 10).is_empty());
    assert_eq!(machine.lease_exhausted(30, 10, 10).len(), 1, "a failed move is tried again");
}

#[test]
fn a_holder_may_hide_a_message_for_longer_until_somebody_else_has_it() {
    let mut machine = QueueMachine::new(QueuePolicy::default());
    send(&mut machine, 0, &[0, 0, 0], 0);
    let mut recovered = machine.clone();
    for lease in machine.lease(0, 3, 10) {
        recovered.replay_lease(&lease);
    }
    for lease in [machine.extend(0, 1, 50, 0).unwrap(), machine.extend(1, 1, 50, 0).unwrap()] {
        recovered.replay_lease(&lease);
    }
    for machine in [&mut machine, &mut recovered] {
        assert_eq!(machine.lease(20, 5, 10).iter().map(|lease| lease.sequence).collect::<Vec<_>>(), [2]);
        assert_eq!(machine.depth(20).in_flight, 3);
        assert!(machine.extend(2, 1, 90, 20).is_none(), "somebody else has received it");
        machine.release(1, 1, 30);
        assert!(machine.extend(1, 1, 90, 20).is_none(), "it was given back");
        assert!(machine.claim(0, 1, 20));
        assert!(machine.extend(0, 1, 90, 20).is_none(), "it is being deleted");
        machine.settled(0);
        assert!(machine.extend(0, 1, 90, 20).is_none(), "it is gone");
    }
}

#[test]
fn a_changed_policy_judges_waiting_messages_again() {
    let mut machine = QueueMachine::new(QueuePolicy { max_receives: Some(1), ..QueuePolicy::default() });
    send(&mut machine, 0, &[0], 0);
    machine.lease(0, 1, 10);
    assert!(machine.lease(10, 1, 10).is_empty());
    machine.set_policy(QueuePolicy::default(), 10);
    assert_eq!(machine.lease(10, 1, 10).len(), 1);
}

#[test]
fn expiry_removes_a_bounded_number_at_once_and_goes_on() {
    let mut machine = QueueMachine::new(policy());
    send(&mut machine, 0, &vec![0; 25_000], 0);
    let counts: Vec<usize> = (0..4).map(|_| machine.expire(1_000).len()).collect();
    assert_eq!(counts, [10_000, 10_000, 5_000, 0]);
    assert_eq!(machine.depth(1_000).expired, 25_000);
}

#[test]
fn an_unknown_version_is_named() {
    assert_eq!(QueueMachine::decode(&[9]).unwrap_err(), DecodeError::Version { found: 9, supported: 2 });
    assert_eq!(QueueMachine::decode(&[]).unwrap_err(), DecodeError::Truncated { field: "version" });
}
