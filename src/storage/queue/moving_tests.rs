//! Messages taken to be moved to another queue.

use super::tests::send;
use super::{Arrivals, Fingerprint, Lease, MessageKeys, QueueMachine, ReceiptState};
use crate::storage::QueuePolicy;

fn sequences(leases: &[Lease]) -> Vec<u64> {
    leases.iter().map(|lease| lease.sequence).collect()
}

fn settle(machine: &mut QueueMachine, lease: &Lease, now_ms: i64) -> bool {
    let claimed = machine.claim(lease.sequence, lease.receive_count, now_ms);
    if claimed {
        machine.settled(lease.sequence);
    }
    claimed
}

/// A FIFO queue with a message of each of these groups.
fn fifo(groups: &[&str]) -> QueueMachine {
    let mut machine = QueueMachine::new(QueuePolicy { fifo: true, ..QueuePolicy::default() });
    let key = |group: &&str| MessageKeys {
        group: Some(Fingerprint::of(group.as_bytes())),
        ..MessageKeys::default()
    };
    let keys: Vec<MessageKeys> = groups.iter().map(key).collect();
    let sent_at_ms = vec![0; keys.len()];
    machine.sent(&Arrivals { sent_at_ms: &sent_at_ms, keys: &keys, ..Arrivals::default() });
    machine
}

#[test]
fn a_move_takes_what_was_sent_before_it_began_and_counts_no_receive() {
    let mut machine = QueueMachine::new(QueuePolicy::default());
    send(&mut machine, 0, &[0, 0, 0, 0], 0);
    let peeked = machine.lease(0, 1, 10);
    send(&mut machine, 4, &[5], 0);
    let taken = machine.take_to_move(5, 10, 4, 100);
    assert_eq!(sequences(&taken), [1, 2, 3], "0 is in flight, 4 came later");
    let again = machine.take_to_move(20, 10, 4, 100);
    assert_eq!(sequences(&again), [0]);
    assert!(settle(&mut machine, &taken[0], 20));
    machine.give_back(2, 20);
    machine.give_back(1, 20);
    assert_eq!(machine.depth(20).in_flight, 2);
    let received = machine.lease(20, 10, 100);
    assert_eq!(sequences(&received), [2, 4]);
    assert_eq!(received[0].receive_count, 1, "to be taken was no receive");
    assert!(!settle(&mut machine, &taken[1], 21), "it was received since");
    assert_eq!(machine.receipt(0, peeked[0].receive_count, 21), ReceiptState::Expired);
    assert_eq!(sequences(&machine.lease(120, 10, 100)), [0, 2, 3, 4], "who moved them never came back");
}

#[test]
fn a_restart_shows_what_was_being_moved() {
    let mut machine = QueueMachine::new(QueuePolicy::default());
    send(&mut machine, 0, &[0, 0], 0);
    let taken = machine.take_to_move(0, 2, u64::MAX, 1_000);
    assert!(machine.claim(taken[0].sequence, taken[0].receive_count, 0));
    let mut bytes = Vec::new();
    machine.encode(&mut bytes);
    let mut again = QueueMachine::decode(&bytes).unwrap();
    assert_eq!(sequences(&again.take_to_move(1, 5, u64::MAX, 1_000)), [0, 1]);
}

#[test]
fn a_late_deletion_wins_over_a_move_on_a_standard_queue_only() {
    for is_fifo in [false, true] {
        let mut machine = fifo(&["a", "a"]);
        if !is_fifo {
            machine = QueueMachine::new(QueuePolicy::default());
            send(&mut machine, 0, &[0, 0], 0);
        }
        let held = machine.lease(0, 1, 10);
        let taken = machine.take_to_move(10, 2, u64::MAX, 1_000);
        assert_eq!(sequences(&taken), [0, 1]);
        assert_eq!(settle(&mut machine, &held[0], 11), !is_fifo);
        assert_eq!(settle(&mut machine, &taken[0], 11), is_fifo);
        assert!(settle(&mut machine, &taken[1], 11));
    }
}

#[test]
fn a_group_moves_in_order_and_not_while_a_receiver_has_some_of_it() {
    let mut machine = fifo(&["a", "b", "a", "b", "c"]);
    assert_eq!(sequences(&machine.lease(0, 1, 50)), [0]);
    let taken = machine.take_to_move(1, 3, 4, 1_000);
    assert_eq!(sequences(&taken), [1, 3], "a is held, c came later");
    assert!(machine.take_to_move(1, 3, 4, 1_000).is_empty());
    assert!(settle(&mut machine, &taken[0], 2));
    assert_eq!(sequences(&machine.lease(2, 9, 10)), [4], "3 is on its way");
    machine.give_back(3, 3);
    assert_eq!(sequences(&machine.lease(3, 9, 10)), [3]);
    assert_eq!(sequences(&machine.take_to_move(60, 9, 4, 1_000)), [0, 2, 3]);
}

#[test]
fn what_a_move_gave_back_is_delayed_with_its_queue_by_when_it_was_sent() {
    let mut machine = QueueMachine::new(QueuePolicy { fifo: true, ..QueuePolicy::default() });
    for (first, sent_at_ms) in (0..).zip([0, 1_000, 1_000, 4_000, 6_000]) {
        let group = Some(Fingerprint::of(if first % 2 == 0 { b"a" } else { b"b" }));
        let keys = [MessageKeys { group, ..MessageKeys::default() }];
        let (sent_at_ms, now_ms) = (&[sent_at_ms][..], 6_000);
        machine.sent(&Arrivals { first, sent_at_ms, keys: &keys, now_ms, ..Arrivals::default() });
    }
    let taken = machine.take_to_move(6_000, 9, u64::MAX, 1_000);
    assert_eq!(sequences(&taken), [0, 2, 4, 1, 3]);
    assert!(settle(&mut machine, &taken[1], 6_000));
    taken.iter().for_each(|lease| machine.give_back(lease.sequence, 6_000));
    let delay = std::time::Duration::from_millis(6_000);
    machine.set_policy(QueuePolicy { fifo: true, delay, ..QueuePolicy::default() }, 6_000);
    let depth = machine.depth(6_000);
    assert_eq!((depth.ready, depth.delayed, depth.in_flight, depth.active_groups), (1, 3, 0, 1));
    assert_eq!(machine.depth(7_000).ready, 2);
    assert_eq!(machine.depth(10_000).ready, 3);
    assert_eq!(sequences(&machine.lease(12_000, 9, 100)), [0, 4, 1, 3], "each group in its order");
    for sequence in [0, 1, 3, 4] {
        assert!(machine.claim(sequence, 1, 12_000));
        machine.settled(sequence);
    }
    let depth = machine.depth(12_000);
    assert_eq!((depth.ready, depth.delayed, depth.active_groups, depth.deleted), (0, 0, 0, 5));
}
