//! Which records were found, where, and in what order; pure.

use crate::load::ledger::Ledger;
use std::num::NonZeroU64;

/// Most places of one inquiry, shards of a stream, and records of a shard, as a [`Position`] tells them.
const PLACE_BITS: u32 = 8;
const SHARD_BITS: u32 = 16;
const SEQUENCE_BITS: u32 = 64 - PLACE_BITS - SHARD_BITS;
/// Duplicates that are told one by one.
const TOLD: usize = 5;

/// A place in which records are looked for, by the order in which places were named, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u8);

/// Where a record was found: positions of one place follow each other as records of one key must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position(NonZeroU64);

/// A position beyond what can be told apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value} is beyond what a proof can tell apart ({most} at most); prove a shorter run")]
pub struct TooFar {
    pub what: &'static str,
    pub value: u64,
    pub most: u64,
}

/// What was found of the records of all producers, in places of which each record belongs in one. It takes
/// eight bytes for each record that was sent.
#[derive(Debug)]
pub struct Findings {
    names: Vec<String>,
    /// By producer and number.
    seen: Vec<Vec<Option<Position>>>,
    /// Records by place, each once.
    counts: Vec<u64>,
    duplicates: u64,
    told: Vec<String>,
    /// Records that no producer of this run has sent.
    strangers: u64,
}

impl Place {
    /// From 1.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl Position {
    /// # Errors
    /// [`TooFar`] when there are more places, shards or records than have room.
    pub fn new(place: Place, shard: u32, sequence: u64) -> Result<Self, TooFar> {
        let (most_shards, most_sequence) = ((1 << SHARD_BITS) - 1, (1 << SEQUENCE_BITS) - 1);
        if u64::from(shard) > most_shards {
            return Err(TooFar { what: "shard", value: shard.into(), most: most_shards });
        }
        if sequence > most_sequence {
            return Err(TooFar { what: "sequence", value: sequence, most: most_sequence });
        }
        let place = u64::from(place.0) << (SHARD_BITS + SEQUENCE_BITS);
        let packed = place | (u64::from(shard) << SEQUENCE_BITS) | sequence;
        // No place has number 0.
        Ok(Self(NonZeroU64::new(packed).unwrap_or(NonZeroU64::MIN)))
    }

    pub fn place(self) -> Place {
        Place((self.0.get() >> (SHARD_BITS + SEQUENCE_BITS)) as u8)
    }

    /// Whether this lies before another position of the same place. Children of a shard that was split have
    /// higher numbers than it, so what they hold came later.
    pub fn is_before(self, other: Self) -> bool {
        self.0 < other.0
    }

    pub fn shard(self) -> u64 {
        (self.0.get() >> SEQUENCE_BITS) & ((1 << SHARD_BITS) - 1)
    }

    pub fn sequence(self) -> u64 {
        self.0.get() & ((1 << SEQUENCE_BITS) - 1)
    }
}

impl Findings {
    /// Nothing was found yet of what these producers have sent.
    pub fn of(ledgers: &[Ledger]) -> Self {
        let seen = ledgers.iter().map(|ledger| vec![None; ledger.records().len()]).collect();
        Self { names: Vec::new(), seen, counts: Vec::new(), duplicates: 0, told: Vec::new(), strangers: 0 }
    }

    /// Names a place, such as `raw bronze`.
    ///
    /// # Errors
    /// [`TooFar`] when there are too many.
    pub fn place(&mut self, name: &str) -> Result<Place, TooFar> {
        let number = self.names.len() as u64 + 1;
        let most = (1 << PLACE_BITS) - 1;
        let too_far = |_| TooFar { what: "place", value: number, most };
        let place = Place(u8::try_from(number).map_err(too_far)?);
        self.names.push(name.to_owned());
        self.counts.push(0);
        Ok(place)
    }

    /// Notes a record. The first position counts; each further one is a duplicate.
    pub fn note(&mut self, producer: u64, number: u64, position: Position) {
        let at = usize::try_from(producer).ok().zip(usize::try_from(number).ok());
        let slot = at.and_then(|(producer, number)| self.seen.get_mut(producer)?.get_mut(number));
        let Some(slot) = slot else {
            self.strangers += 1;
            return;
        };
        let Some(first) = *slot else {
            *slot = Some(position);
            if let Some(count) = self.counts.get_mut(usize::from(position.place().0.saturating_sub(1))) {
                *count += 1;
            }
            return;
        };
        self.duplicates += 1;
        if self.told.len() < TOLD {
            let (here, there) = (self.told_as(first), self.told_as(position));
            self.told.push(format!("duplicate: producer {producer}, number {number} ({here}, and {there})"));
        }
    }

    /// A position in words.
    pub fn told_as(&self, position: Position) -> String {
        format!("{} shard {} at {}", self.name(position.place()), position.shard(), position.sequence())
    }

    pub fn name(&self, place: Place) -> &str {
        self.names.get(usize::from(place.0.saturating_sub(1))).map_or("", String::as_str)
    }

    /// All places, such as `warehouse trips, quarantine trips`.
    pub fn names(&self) -> String {
        self.names.join(", ")
    }

    /// How many records each place holds, duplicates not among them.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(String::as_str).zip(self.counts.iter().copied())
    }

    /// What was found of a producer's records, by number.
    pub fn of_producer(&self, producer: usize) -> &[Option<Position>] {
        self.seen.get(producer).map_or(&[], Vec::as_slice)
    }

    /// Records that were found more than once, how often beyond the first time.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The first duplicates, in words.
    pub fn told(&self) -> &[String] {
        &self.told
    }

    pub fn strangers(&self) -> u64 {
        self.strangers
    }
}
