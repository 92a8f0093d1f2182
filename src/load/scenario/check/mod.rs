//! What no schema can say of a scenario. All faults are gathered.

mod expectations;
mod records;
mod stages;
mod targets;

use super::reading::Draft;
use crate::topology::{Faults, KeyPath, Problem};
use std::path::Path;

/// Checks what could be read; files that it names lie in `folder`.
pub(super) fn check(draft: &Draft, folder: &Path, faults: &mut Faults<'_>) {
    missing(faults);
    if let Some(about) = &draft.scenario {
        let path = KeyPath::of(["scenario", "topology"]);
        about.topology.iter().for_each(|file| readable(&folder.join(file), &path, faults));
    }
    if let Some(target) = &draft.target {
        targets::check(target, faults);
    }
    if let Some(records) = &draft.records {
        let connections = draft.target.as_ref().map_or(1, |target| target.connections);
        records::check(records, connections, folder, faults);
    }
    stages::check(&draft.stages, folder, faults);
    stages::check_faults(&draft.faults, &draft.stages, faults);
    expectations::check(draft, faults);
}

fn missing(faults: &mut Faults<'_>) {
    let needed = [
        ("scenario", "name and about of the load test"),
        ("target", "where records go"),
        ("records", "what is sent"),
        ("stage", "a list of stages, [[stage]]"),
    ];
    for (field, meaning) in needed {
        if faults.document().root.at(&KeyPath::of([field])).is_none() {
            let problem =
                Problem::MissingField { field: field.to_owned(), meaning: Some(meaning.to_owned()) };
            faults.add(&KeyPath::default(), &problem);
        }
    }
}

fn readable(file: &Path, path: &KeyPath, faults: &mut Faults<'_>) {
    if let Err(cause) = std::fs::metadata(file) {
        faults.add(path, &Problem::Unreadable { cause: format!("{}: {cause}", file.display()) });
    }
}

/// Refuses a number that is not within bounds; `range` says which, and what to do.
fn within(is_met: bool, value: impl ToString, range: &str, path: &KeyPath, faults: &mut Faults<'_>) {
    if !is_met {
        faults.add(path, &Problem::OutOfRange { value: value.to_string(), range: range.to_owned() });
    }
}

fn share(value: f64, path: &KeyPath, faults: &mut Faults<'_>) {
    within((0.0..=1.0).contains(&value), value, "a share is 0 to 1", path, faults);
}
