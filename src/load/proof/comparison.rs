//! Ledgers held against what was found; pure.

use super::{
    findings::{Findings, Position},
    marks::Marks,
};
use crate::load::ledger::{Ledger, Standing};
use std::collections::HashMap;

/// Examples of each kind that are told.
const TOLD: usize = 5;

/// What a comparison has brought to light in places of which each record belongs in one.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Accepted and not found.
    pub lost: Marks,
    /// Answered as refused, and found.
    pub refused_stored: Marks,
    /// Without an answer, and found.
    pub unknown_stored: Marks,
    /// Records that lie before one of their key that was sent earlier.
    pub inversions: u64,
    pub examples: Examples,
}

/// The first of each kind, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Examples {
    pub lost: Vec<String>,
    pub duplicates: Vec<String>,
    pub inversions: Vec<String>,
    pub refused_stored: Vec<String>,
}

/// Adds words to the first few of a kind.
fn tell(examples: &mut Vec<String>, words: impl FnOnce() -> String) {
    if examples.len() < TOLD {
        examples.push(words());
    }
}

/// Compares. Whatever is lost, doubled or out of order is told; what a sender does not know may be there or
/// not, and is in no order: the one sent after it may have overtaken it.
pub fn compare(ledgers: &[Ledger], findings: &Findings, must_be_ordered: bool) -> Comparison {
    let examples = Examples { duplicates: findings.told().to_vec(), ..Examples::default() };
    let mut all = Comparison { examples, ..Comparison::default() };
    for (producer, ledger) in ledgers.iter().enumerate() {
        let found = findings.of_producer(producer);
        let mut latest: HashMap<(u32, u8), (Position, u64)> = HashMap::new();
        for (number, (key, standing)) in (0_u64..).zip(ledger.records()) {
            let position = usize::try_from(number).ok().and_then(|at| found.get(at).copied().flatten());
            match (standing, position) {
                (Standing::Accepted, None) => {
                    all.lost.mark(producer, number);
                    tell(&mut all.examples.lost, || {
                        format!(
                            "lost: producer {producer}, number {number} (accepted; not in {})",
                            findings.names()
                        )
                    });
                }
                (Standing::Accepted, Some(position)) if must_be_ordered => {
                    let place = (key, position.place().number());
                    let before =
                        latest.get(&place).copied().filter(|(before, _)| position.is_before(*before));
                    let Some((other, earlier)) = before else {
                        latest.insert(place, (position, number));
                        continue;
                    };
                    all.inversions += 1;
                    tell(&mut all.examples.inversions, || {
                        let (here, there) = (findings.told_as(position), findings.told_as(other));
                        format!(
                            "inversion: producer {producer}, key {key}: number {number} ({here}) lies before \
                             number {earlier} ({there})"
                        )
                    });
                }
                (Standing::Refused | Standing::Unsent, Some(position)) => {
                    all.refused_stored.mark(producer, number);
                    tell(&mut all.examples.refused_stored, || {
                        let place = findings.told_as(position);
                        format!("refused, but stored: producer {producer}, number {number} ({place})")
                    });
                }
                (Standing::Unknown | Standing::Sent, Some(_)) => all.unknown_stored.mark(producer, number),
                (_, None) | (Standing::Accepted, Some(_)) => {}
            }
        }
    }
    all
}
