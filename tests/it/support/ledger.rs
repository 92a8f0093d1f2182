//! What clients sent and what was acknowledged, to be compared with what is stored.

use super::{Health, Table, Trip, daemon, raw_lines};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Where a record lies: shard and sequence.
pub type Place = (i64, i64);

/// The clients' own books.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: BTreeMap<String, Trip>,
    acknowledged: BTreeMap<String, Place>,
    /// When how many were acknowledged: epoch milliseconds and count, in order.
    history: Vec<(i64, u64)>,
}

impl Ledger {
    /// Notes trips before they are posted: from now on they may be stored.
    pub fn sending(&mut self, trips: &[Trip]) {
        self.sent.extend(trips.iter().map(|trip| (trip.id.clone(), trip.clone())));
    }

    /// Notes an answer: from now on these trips must be stored, and there.
    pub fn acknowledge(&mut self, trips: &[Trip], places: &[Place]) {
        assert_eq!(trips.len(), places.len(), "an answer has one place for each record");
        for (trip, place) in trips.iter().zip(places) {
            if let Some(before) = self.acknowledged.insert(trip.id.clone(), *place) {
                assert_eq!(before, *place, "trip {} was acknowledged at two places", trip.id);
            }
        }
        self.history.push((daemon::now_ms(), self.acknowledged()));
    }

    fn acknowledged_before(&self, at_ms: i64) -> u64 {
        let later = self.history.partition_point(|(when, _)| *when < at_ms);
        later.checked_sub(1).map_or(0, |last| self.history[last].1)
    }

    /// `accepted = finished + quarantined + filtered + in flight` for readers of the stream, while
    /// records flow: nothing acknowledged before an observation is missing from it, and no more was
    /// ended than was sent. (A record may be seen twice in one observation, on its way.)
    pub fn check_books(&self, health: &Health, readers: &[&str]) {
        let (acknowledged, sent) = (self.acknowledged_before(health.observed_at_ms()), self.sent());
        for reader in readers {
            let ended = health.tally(reader).sum();
            let accounted = ended + health.in_flight(reader);
            assert!(
                acknowledged <= accounted && ended <= sent,
                "{reader} ended {ended} and accounts for {accounted}, of {acknowledged} acknowledged and {sent} \
                 sent: {:#}",
                health.0
            );
        }
    }

    pub fn sent(&self) -> u64 {
        self.sent.len() as u64
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.len() as u64
    }

    /// Checks that no two acknowledged records were given one place.
    pub fn check_places(&self) {
        let mut taken = BTreeMap::new();
        for (id, place) in &self.acknowledged {
            if let Some(other) = taken.insert(place, id) {
                panic!("trips {id} and {other} were both acknowledged at {place:?}");
            }
        }
    }

    /// Checks what raw objects hold: each record once at most and byte for byte; when `settled`, each
    /// acknowledged one exactly once. Returns how many there are.
    pub fn check_raw(&self, folder: &Path, settled: bool) -> u64 {
        let lines = raw_lines(folder);
        let mut found = BTreeSet::new();
        for line in &lines {
            let id = trip_id(line);
            let trip = self.sent.get(&id).unwrap_or_else(|| panic!("raw holds a trip nobody sent: {line}"));
            assert_eq!(&trip.line, line, "raw holds other bytes than were sent");
            assert!(found.insert(id.clone()), "trip {id} lies twice in raw");
        }
        self.check_complete("raw", &found, settled, |_| true);
        lines.len() as u64
    }

    /// Checks a table and its quarantine: each record once at most in one of the two, on the right
    /// side and with its own place; when `settled`, each acknowledged one that meets `belongs`.
    /// Returns how many rows lie in (table, quarantine).
    pub fn check_table(
        &self,
        warehouse: &Path,
        table: &str,
        settled: bool,
        belongs: impl Fn(&Trip) -> bool,
    ) -> (u64, u64) {
        let accepted = Table::read(&warehouse.join(table));
        let quarantined = Table::read(&warehouse.join("quarantine").join(table));
        let mut found = BTreeSet::new();
        let places =
            [(&accepted, ids_of(&accepted), false), (&quarantined, quarantined_ids(&quarantined), true)];
        for (rows, ids, aside) in places {
            for (id, place) in ids.into_iter().zip(rows.positions()) {
                let trip = self.sent.get(&id).unwrap_or_else(|| panic!("{table}: nobody sent {id}"));
                assert_eq!(
                    trip.seconds < 60,
                    aside,
                    "{table}: trip of {} s is on the wrong side",
                    trip.seconds
                );
                assert!(belongs(trip), "{table}: trip {id} should have been filtered");
                if let Some(told) = self.acknowledged.get(&id) {
                    assert_eq!(*told, place, "{table}: trip {id} is not where its answer said");
                }
                assert!(found.insert(id.clone()), "{table}: trip {id} is stored twice");
            }
        }
        self.check_complete(table, &found, settled, belongs);
        (accepted.rows() as u64, quarantined.rows() as u64)
    }

    /// Checks a set of ids against the acknowledged ones.
    pub fn check_complete(
        &self,
        place: &str,
        found: &BTreeSet<String>,
        settled: bool,
        belongs: impl Fn(&Trip) -> bool,
    ) {
        if !settled {
            return;
        }
        let expected = self.acknowledged.iter().filter(|(id, _)| belongs(&self.sent[*id]));
        let missing: Vec<_> = expected.filter(|(id, _)| !found.contains(*id)).take(20).collect();
        assert!(missing.is_empty(), "{place} lacks acknowledged trips, such as {missing:?}");
    }
}

/// `_id.$oid` of a record.
pub fn trip_id(line: &str) -> String {
    let record: Value = serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"));
    record["_id"]["$oid"].as_str().unwrap_or_else(|| panic!("no id in {line}")).to_owned()
}

fn ids_of(table: &Table) -> Vec<String> {
    table.texts("trip_id")
}

/// Quarantine keeps original bytes.
fn quarantined_ids(table: &Table) -> Vec<String> {
    table.texts("payload").iter().map(|line| trip_id(line)).collect()
}
