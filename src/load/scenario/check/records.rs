//! What is sent.

use super::{readable, share, within};
use crate::{
    load::scenario::{Keys, Records, Sizes},
    topology::{Faults, KeyPath, Problem},
    units::ByteSize,
};
use std::path::Path;

/// Keys are held in a table of weights.
const MOST_KEYS: u32 = 10_000_000;
const LARGEST_RECORD: ByteSize = ByteSize(10 << 20);

pub(super) fn check(records: &Records, connections: u32, folder: &Path, faults: &mut Faults<'_>) {
    let path = KeyPath::of(["records"]);
    check_keys(records.keys(), connections, &path.field("keys"), faults);
    match records {
        Records::Bytes { size, entropy, .. } => {
            share(*entropy, &path.field("entropy"), faults);
            check_sizes(*size, &path.field("size"), faults);
        }
        Records::File { path: file, .. } => readable(&folder.join(file), &path.field("path"), faults),
        _ => {}
    }
}

fn check_keys(keys: &Keys, connections: u32, path: &KeyPath, faults: &mut Faults<'_>) {
    let range = format!(
        "it must be {connections} to {MOST_KEYS}: each key is sent over one connection, so there are as many \
         keys as connections or more"
    );
    let is_met = (connections..=MOST_KEYS).contains(&keys.count()) && keys.count() > 0;
    within(is_met, keys.count(), &range, &path.field("count"), faults);
    match keys {
        Keys::Uniform { .. } => {}
        Keys::Zipf { exponent, .. } => {
            let is_met = (0.0..=10.0).contains(exponent);
            within(is_met, exponent, "it must be 0 to 10", &path.field("exponent"), faults);
        }
        Keys::Hot { share: hot, .. } => share(*hot, &path.field("share"), faults),
    }
}

fn check_sizes(size: Sizes, path: &KeyPath, faults: &mut Faults<'_>) {
    let above = |least_name, least: ByteSize, most: ByteSize, faults: &mut Faults<'_>| {
        if least > most {
            let (least, most) = (least.to_string(), most.to_string());
            faults.add(path, &Problem::MinAboveMax { least_name, least, most_name: "max", most });
        }
    };
    let (field, largest) = match size {
        Sizes::Fixed { bytes } => ("bytes", bytes),
        Sizes::Uniform { min, max } | Sizes::LogUniform { min, max } => {
            above("min", min, max, faults);
            ("max", max)
        }
        Sizes::Exponential { mean, max } => {
            above("mean", mean, max, faults);
            ("max", max)
        }
    };
    let range = format!("it must be 1B to {LARGEST_RECORD}");
    let is_met = (1..=LARGEST_RECORD.0).contains(&largest.0);
    within(is_met, largest, &range, &path.field(field), faults);
}
