//! From what each group of places has shown to one proof; pure.

use super::{comparison::Comparison, findings::Findings, marks::Marks};
use crate::load::{
    ledger::{Ledger, Standing},
    outcome::Proof,
};
use std::time::Duration;

/// Records that are somewhere, and nobody can say which they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Such as `filtered`, or a queue that can only be counted.
    pub place: String,
    pub records: u64,
}

/// Places of which each record belongs in one.
#[derive(Debug)]
pub struct Group {
    comparison: Comparison,
    counts: Vec<(String, u64)>,
    duplicates: u64,
    strangers: u64,
    /// Whether every accepted record must be here.
    holds_all: bool,
    pub unseen: Vec<Unseen>,
}

impl Group {
    pub fn new(comparison: Comparison, findings: &Findings, holds_all: bool) -> Self {
        Self {
            comparison,
            counts: findings.counts().map(|(place, count)| (place.to_owned(), count)).collect(),
            duplicates: findings.duplicates(),
            strangers: findings.strangers(),
            holds_all,
            unseen: Vec::new(),
        }
    }

    fn unseen_records(&self) -> u64 {
        self.unseen.iter().map(|unseen| unseen.records).sum()
    }

    /// Accepted records that are not here, beyond those that cannot be told apart.
    pub fn missing(&self) -> u64 {
        if self.holds_all { self.comparison.lost.count().saturating_sub(self.unseen_records()) } else { 0 }
    }
}

/// The proof. A record that several groups lack is lost once.
pub fn assemble(ledgers: &[Ledger], groups: &[Group], drained: Duration) -> Proof {
    let accepted =
        ledgers.iter().flat_map(Ledger::records).filter(|(_, standing)| *standing == Standing::Accepted);
    let mut proof = Proof { accepted: accepted.count() as u64, ..Proof::default() };
    let [mut lost, mut refused_stored, mut unknown_stored] = <[Marks; 3]>::default();
    let mut excused = 0;
    for group in groups {
        let Comparison { examples, .. } = &group.comparison;
        if group.missing() > 0 {
            lost.join(&group.comparison.lost);
            excused += group.unseen_records();
            proof.examples.extend(examples.lost.iter().cloned());
        }
        refused_stored.join(&group.comparison.refused_stored);
        unknown_stored.join(&group.comparison.unknown_stored);
        proof.inversions += group.comparison.inversions;
        proof.duplicates += group.duplicates;
        proof.places.extend(group.counts.iter().cloned());
        let others = [&examples.duplicates, &examples.inversions, &examples.refused_stored];
        proof.examples.extend(others.into_iter().flatten().cloned());
        proof.examples.extend(group.unseen.iter().map(|Unseen { place, records }| {
            format!("not looked at: {records} records in {place}; they are counted, and which they are is not known")
        }));
        if group.strangers > 0 {
            let places: Vec<&str> = group.counts.iter().map(|(place, _)| place.as_str()).collect();
            let (count, places) = (group.strangers, places.join(", "));
            proof.examples.push(format!("not of this run: {count} records in {places}"));
        }
    }
    proof.losses = lost.count().saturating_sub(excused);
    (proof.refused_stored, proof.unknown_stored) = (refused_stored.count(), unknown_stored.count());
    proof.drain_seconds = drained.as_secs_f64();
    proof
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::proof::{
        comparison::compare,
        findings::{Findings, Position},
    };

    fn accepted(records: u32) -> Vec<Ledger> {
        let mut ledger = Ledger::default();
        for key in 0..records {
            let number = ledger.send(key);
            ledger.settle(number, Standing::Accepted);
        }
        vec![ledger]
    }

    /// A group of one place that holds these records.
    fn group(ledgers: &[Ledger], place: &str, held: &[u64]) -> Group {
        let mut findings = Findings::of(ledgers);
        let at = findings.place(place).unwrap();
        for number in held {
            findings.note(0, *number, Position::new(at, 0, *number).unwrap());
        }
        Group::new(compare(ledgers, &findings, true), &findings, true)
    }

    #[test]
    fn a_record_that_two_places_lack_is_lost_once() {
        let ledgers = accepted(4);
        let groups = [group(&ledgers, "raw a", &[0, 1]), group(&ledgers, "raw b", &[1, 2])];
        let proof = assemble(&ledgers, &groups, Duration::from_millis(1_500));
        assert_eq!((proof.accepted, proof.losses, proof.drain_seconds), (4, 3, 1.5));
        assert_eq!(
            proof.places.iter().map(|(place, count)| (place.as_str(), *count)).collect::<Vec<_>>(),
            [("raw a", 2), ("raw b", 2)]
        );
        assert_eq!(proof.examples.iter().filter(|example| example.starts_with("lost: ")).count(), 4);
    }

    #[test]
    fn what_is_only_counted_excuses_as_many_as_it_holds_and_is_told() {
        let ledgers = accepted(4);
        let excused = |records| {
            let unseen = vec![Unseen { place: "filtered".to_owned(), records }];
            Group { unseen, ..group(&ledgers, "warehouse trips", &[0, 1]) }
        };
        let enough = assemble(&ledgers, &[excused(2)], Duration::ZERO);
        assert_eq!(enough.losses, 0);
        assert!(
            enough.examples[0].starts_with("not looked at: 2 records in filtered"),
            "{:?}",
            enough.examples
        );
        assert_eq!(excused(2).missing(), 0);
        let short = assemble(&ledgers, &[excused(1)], Duration::ZERO);
        assert_eq!((short.losses, excused(1).missing()), (1, 1));
        assert!(short.examples[0].starts_with("lost: "), "{:?}", short.examples);
        let raw = assemble(&ledgers, &[group(&ledgers, "raw a", &[0]), excused(2)], Duration::ZERO);
        assert_eq!(raw.losses, 3, "what is filtered from a table is no excuse for a raw node");
    }

    #[test]
    fn places_that_need_not_hold_everything_lose_nothing() {
        let ledgers = accepted(2);
        let some = Group { holds_all: false, ..group(&ledgers, "dead_letter dlq", &[0]) };
        assert_eq!(assemble(&ledgers, &[some], Duration::ZERO).losses, 0);
    }
}
