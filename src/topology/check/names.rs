//! Names of nodes: letters that are safe everywhere, and one node for each name.

use crate::{
    pipeline::{Kind, queue::directory::FIFO},
    topology::{
        document::KeyPath,
        fault::{Faults, Problem},
        wiring::{INBOX, Named, all_nodes, named_nodes},
    },
};

const LONGEST: usize = 128;

pub(super) fn check(faults: &mut Faults<'_>) {
    let tree = &faults.document().root;
    let first = named_nodes(tree);
    for (kind, name, position) in all_nodes(tree) {
        let path = KeyPath::of([kind.name(), &name]);
        let of_kind = || (kind == Kind::Queue).then(|| refused_queue(&name)).flatten();
        if let Some(why) = refused(&name).or_else(of_kind) {
            faults.add_at(position, &path, &Problem::BadName { name: name.clone(), why });
        }
        match first.get(&name) {
            Some(Named { kind: other, position: taken }) if *taken != position => {
                let problem = Problem::DuplicateName { name, kind: *other, line: taken.line };
                faults.add_at(position, &path, &problem);
            }
            _ => {}
        }
    }
}

/// Why a name cannot be a queue's.
pub(super) fn refused_queue(name: &str) -> Option<&'static str> {
    name.ends_with(FIFO).then_some(
        "leave \".fifo\" out and set fifo = true; to the queue API the queue is then called by its name and \".fifo\"",
    )
}

/// Why a name cannot be a node's: it becomes part of paths, metrics and addresses.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > LONGEST {
        Some("it has more than 128 letters")
    } else if !name.chars().all(allowed) {
        Some("use only the letters A-Z, a-z, 0-9, \".\", \"_\" and \"-\"")
    } else if name == "." || name == ".." {
        Some("it means a folder")
    } else if name.ends_with(INBOX) {
        Some("names that end in \".inbox\" are kept for the streams before raw stores and loaders")
    } else if name.ends_with(".quarantine") {
        Some("names that end in \".quarantine\" are kept for rejected records")
    } else {
        None
    }
}
