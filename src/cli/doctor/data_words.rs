//! What the doctor says of raw objects and tables.

use super::data_files::DataFiles;
use crate::{load::figure, pipeline::object_stores::Damage, units::counted};
use std::{fmt::Write as _, path::Path};

/// Files named one by one; of more only their number is told.
const NAMED: usize = 100;

/// What was verified and what was found, file by file.
pub(super) fn data_files(seen: &DataFiles) -> String {
    let survey = &seen.survey;
    let mut text = format!(
        "raw objects and tables: {}, {} verified",
        counted(survey.verified, "file"),
        figure::bytes(survey.bytes as f64)
    );
    if !survey.unverified.is_empty() {
        let _ = write!(text, "; {} without checksums", counted(survey.unverified.len() as u64, "file"));
    }
    if seen.self_checked > 0 {
        let _ = write!(text, ", {} of them whole by their compression's own", seen.self_checked);
    }
    text.push('\n');
    if !survey.unverified.is_empty() {
        text.push_str(
            "  written by another program or an earlier version; --seal vouches for what they are now\n",
        );
    }
    if seen.left_behind > 0 {
        let left = seen.left_behind;
        let _ =
            writeln!(text, "  another program removed {left} table files and left their .NAME.crc behind");
    }
    for address in &seen.elsewhere {
        let _ = writeln!(text, "  not looked at: {address}");
    }
    for damage in survey.damaged.iter().take(NAMED) {
        let _ = writeln!(text, "\n{} at byte {}: {}", damage.path.display(), damage.offset, damage.what);
        let _ = writeln!(text, "  it means: {}", consequence(&damage.path));
        let _ = writeln!(text, "  remedy:   {}", advice(damage));
    }
    if survey.damaged.len() > NAMED {
        let _ = writeln!(text, "\n... and {} more", survey.damaged.len() - NAMED);
    }
    text
}

fn is_catalog(path: &Path) -> bool {
    path.ends_with("catalog.json")
}

fn of_table(path: &Path) -> bool {
    path.ancestors().any(|above| above.ends_with("_delta_log") || above.join("_delta_log").is_dir())
}

fn consequence(path: &Path) -> &'static str {
    if is_catalog(path) {
        "queries do not know where anything lies"
    } else if of_table(path) {
        "queries that need it fail, and it is not compacted; rows in it are lost unless a copy is restored"
    } else {
        "queries of its node fail; records in it are lost unless a copy is restored or the stream still has them"
    }
}

fn advice(damage: &Damage) -> &'static str {
    if is_catalog(&damage.path) {
        "the next start sets it aside and writes it anew; a copy restored knows the nodes of earlier topologies"
    } else if of_table(&damage.path) {
        "restore a copy; or let a new loader fill another table from what the stream still has. If another \
         program has written the file anew, remove its .NAME.crc"
    } else {
        "restore a copy; or let a new raw node write again what the stream still has. If the file was removed \
         or written anew on purpose, remove its .NAME.crc"
    }
}

/// What to do about all of it, in one line.
pub(super) fn remedy(seen: &DataFiles) -> String {
    let damaged = seen.survey.damaged.len();
    let (files, them) = if damaged == 1 { ("data file is", "it") } else { ("data files are", "them") };
    format!("{damaged} {files} damaged or missing; restore {them} from a copy")
}

/// What `--seal` did.
pub(super) fn sealed(files: usize) -> String {
    format!("\nsealed: checksums written for {}\n", counted(files as u64, "file"))
}
