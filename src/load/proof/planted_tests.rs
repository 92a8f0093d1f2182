//! A proof that cannot fail proves nothing: losses, duplicates and inversions are planted, and each is found.

use super::{
    comparison::{Comparison, Examples, compare},
    findings::{Findings, Position},
};
use crate::load::ledger::{Ledger, Standing};
use proptest::prelude::*;

/// A record as it was sent: its key and what its sender knows of it.
type Sent = (u32, Standing);

fn ledger(records: &[Sent]) -> Ledger {
    let mut ledger = Ledger::default();
    for (key, standing) in records {
        let number = ledger.send(*key);
        ledger.settle(number, *standing);
    }
    ledger
}

fn sent() -> impl Strategy<Value = Vec<Vec<Sent>>> {
    let standing = prop_oneof![
        8 => Just(Standing::Accepted),
        1 => Just(Standing::Refused),
        1 => Just(Standing::Unknown),
        1 => Just(Standing::Sent),
    ];
    let producer = prop::collection::vec((0..4_u32, standing), 0..40);
    prop::collection::vec(producer, 1..4)
}

/// Where each record lies: accepted ones in the order they were sent in, each key in its shard.
fn stored(ledgers: &[Vec<Sent>]) -> Vec<(u64, u64, u32, u64)> {
    let mut next = [0; 8];
    let mut stored = Vec::new();
    for (producer, records) in ledgers.iter().enumerate() {
        for (number, (key, standing)) in records.iter().enumerate() {
            if *standing == Standing::Accepted {
                let shard = (key + producer as u32) % 3;
                stored.push((producer as u64, number as u64, shard, next[shard as usize]));
                next[shard as usize] += 1;
            }
        }
    }
    stored
}

fn found(sent: &[Vec<Sent>], stored: &[(u64, u64, u32, u64)]) -> (Comparison, Findings) {
    let ledgers: Vec<Ledger> = sent.iter().map(|records| ledger(records)).collect();
    let mut findings = Findings::of(&ledgers);
    let place = findings.place("raw bronze").unwrap();
    for (producer, number, shard, sequence) in stored {
        findings.note(*producer, *number, Position::new(place, *shard, *sequence).unwrap());
    }
    (compare(&ledgers, &findings, true), findings)
}

fn faults(comparison: &Comparison, findings: &Findings) -> [u64; 5] {
    [
        comparison.lost.count(),
        findings.duplicates(),
        comparison.inversions,
        comparison.unknown_stored.count(),
        comparison.refused_stored.count(),
    ]
}

proptest! {
    #[test]
    fn what_lies_as_it_was_sent_has_no_fault(sent in sent(), turned in any::<prop::sample::Index>()) {
        let mut stored = stored(&sent);
        // The order in which places are read is no order of records.
        if !stored.is_empty() {
            let by = turned.index(stored.len());
            stored.rotate_left(by);
        }
        let (comparison, findings) = found(&sent, &stored);
        prop_assert_eq!(faults(&comparison, &findings), [0; 5], "{:?}", comparison.examples);
        prop_assert_eq!(&comparison.examples, &Examples::default());
        prop_assert_eq!(findings.counts().next(), Some(("raw bronze", stored.len() as u64)));
    }

    #[test]
    fn every_planted_loss_and_duplicate_is_counted(
        sent in sent(),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        doubled in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let mut stored = stored(&sent);
        let mut copies = Vec::new();
        for which in &doubled {
            if !stored.is_empty() {
                let (producer, number, shard, _) = stored[which.index(stored.len())];
                copies.push((producer, number, shard, 1_000 + copies.len() as u64));
            }
        }
        let mut losses = 0;
        for which in &lost {
            if !stored.is_empty() {
                let (producer, number, ..) = stored.remove(which.index(stored.len()));
                copies.retain(|copy| (copy.0, copy.1) != (producer, number));
                losses += 1;
            }
        }
        let duplicates = copies.len() as u64;
        stored.extend(copies);
        let (comparison, findings) = found(&sent, &stored);
        prop_assert_eq!(faults(&comparison, &findings)[..2].to_vec(), vec![losses, duplicates]);
        let told = (comparison.examples.lost.is_empty(), comparison.examples.duplicates.is_empty());
        prop_assert_eq!(told, (losses == 0, duplicates == 0));
    }

    #[test]
    fn two_records_of_a_key_that_changed_places_are_an_inversion(sent in sent(), which in any::<prop::sample::Index>()) {
        let mut stored = stored(&sent);
        let key = |at: &(u64, u64, u32, u64)| (at.0, sent[at.0 as usize][at.1 as usize].0);
        let pairs: Vec<(usize, usize)> = (0..stored.len())
            .flat_map(|one| (one + 1..stored.len()).map(move |other| (one, other)))
            .filter(|(one, other)| key(&stored[*one]) == key(&stored[*other]))
            .collect();
        prop_assume!(!pairs.is_empty());
        let (one, other) = pairs[which.index(pairs.len())];
        let (here, there) = ((stored[one].2, stored[one].3), (stored[other].2, stored[other].3));
        (stored[one].2, stored[one].3) = there;
        (stored[other].2, stored[other].3) = here;
        let (comparison, findings) = found(&sent, &stored);
        prop_assert!(comparison.inversions > 0);
        prop_assert_eq!(faults(&comparison, &findings)[..2].to_vec(), vec![0, 0]);
        let told = &comparison.examples.inversions[0];
        prop_assert!(told.starts_with("inversion: producer"), "{}", told);
    }

    #[test]
    fn what_was_refused_or_never_answered_is_told_apart_when_it_is_stored(sent in sent()) {
        let everything: Vec<(u64, u64, u32, u64)> = sent.iter().enumerate().flat_map(|(producer, records)| {
            (0..records.len() as u64).map(move |number| (producer as u64, number, 0, 100 * producer as u64 + number))
        }).collect();
        let (comparison, findings) = found(&sent, &everything);
        let count = |which: &[Standing]| {
            sent.iter().flatten().filter(|(_, standing)| which.contains(standing)).count() as u64
        };
        let (unknown, refused) = (count(&[Standing::Unknown, Standing::Sent]), count(&[Standing::Refused]));
        prop_assert_eq!(faults(&comparison, &findings), [0, 0, 0, unknown, refused]);
    }
}

#[test]
fn faults_are_told_in_words() {
    let sent = vec![vec![
        (7, Standing::Accepted),
        (7, Standing::Accepted),
        (7, Standing::Accepted),
        (1, Standing::Refused),
    ]];
    let stored = [(0, 1, 2, 9), (0, 2, 2, 4), (0, 2, 2, 5), (0, 3, 0, 0)];
    let (comparison, _) = found(&sent, &stored);
    assert_eq!(
        comparison.examples,
        Examples {
            lost: vec!["lost: producer 0, number 0 (accepted; not in raw bronze)".to_owned()],
            duplicates: vec![
                "duplicate: producer 0, number 2 (raw bronze shard 2 at 4, and raw bronze shard 2 at 5)"
                    .to_owned()
            ],
            inversions: vec![
                "inversion: producer 0, key 7: number 2 (raw bronze shard 2 at 4) lies before number 1 \
                 (raw bronze shard 2 at 9)"
                    .to_owned()
            ],
            refused_stored: vec![
                "refused, but stored: producer 0, number 3 (raw bronze shard 0 at 0)".to_owned()
            ],
        }
    );
}

#[test]
fn a_record_without_an_answer_keeps_no_order() {
    let sent = [vec![(7, Standing::Unknown), (7, Standing::Accepted)]];
    let (comparison, _) = found(&sent, &[(0, 1, 0, 0), (0, 0, 0, 1)]);
    assert_eq!(comparison.inversions, 0);
}

#[test]
fn children_of_a_split_shard_come_after_it_and_places_are_not_compared() {
    let records = vec![(7, Standing::Accepted); 3];
    let ledgers = [ledger(&records)];
    let mut findings = Findings::of(&ledgers);
    let (table, aside) =
        (findings.place("warehouse trips").unwrap(), findings.place("quarantine trips").unwrap());
    findings.note(0, 0, Position::new(table, 0, 900).unwrap());
    findings.note(0, 1, Position::new(aside, 0, 5).unwrap());
    findings.note(0, 2, Position::new(table, 4, 0).unwrap());
    assert_eq!(compare(&ledgers, &findings, true).inversions, 0);
    assert_eq!(findings.counts().collect::<Vec<_>>(), [("warehouse trips", 2), ("quarantine trips", 1)]);
}

#[test]
fn what_nobody_sent_and_what_cannot_be_told_apart_is_no_finding() {
    let ledgers = [ledger(&[(7, Standing::Accepted)])];
    let mut findings = Findings::of(&ledgers);
    let place = findings.place("raw bronze").unwrap();
    for (producer, number) in [(0, 1), (1, 0), (u64::MAX, u64::MAX)] {
        findings.note(producer, number, Position::new(place, 0, 0).unwrap());
    }
    assert_eq!((findings.strangers(), compare(&ledgers, &findings, true).lost.count()), (3, 1));
    assert!(Position::new(place, 1 << 16, 0).unwrap_err().to_string().contains("shard 65536"));
    assert!(Position::new(place, 0, 1 << 40).unwrap_err().to_string().contains("sequence"));
    let last = Position::new(place, (1 << 16) - 1, (1 << 40) - 1).unwrap();
    assert_eq!((last.place(), last.shard(), last.sequence()), (place, (1 << 16) - 1, (1 << 40) - 1));
    assert!((0..300).any(|_| findings.place("another").is_err()));
}
