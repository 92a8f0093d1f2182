//! What must hold.

use super::share;
use crate::{
    load::scenario::reading::Draft,
    topology::{Faults, KeyPath, Problem},
};

pub(super) fn check(draft: &Draft, faults: &mut Faults<'_>) {
    let path = KeyPath::of(["thresholds"]);
    let shares = [
        ("refused", draft.thresholds.refused),
        ("unsent", draft.thresholds.unsent),
        ("memory_drift", draft.thresholds.memory_drift),
    ];
    for (field, value) in shares {
        if let Some(value) = value {
            share(value, &path.field(field), faults);
        }
    }
    let Some(proof) = &draft.proof else { return };
    let path = KeyPath::of(["proof"]);
    if proof.raw.is_empty() && proof.warehouse.is_empty() && proof.dead_letter.is_empty() {
        let meaning = Some("name a raw node, a table of the warehouse, or leave out [proof]".to_owned());
        faults.add(&path, &Problem::MissingField { field: "raw".to_owned(), meaning });
    }
    if let Some(within) = proof.within.filter(|within| within.0.is_zero()) {
        let range = "it must be above 0".to_owned();
        faults.add(&path.field("within"), &Problem::OutOfRange { value: within.to_string(), range });
    }
}
