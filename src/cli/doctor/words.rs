//! What the doctor says.

use crate::{
    load::figure,
    storage::{Examination, Finding, Remedy, Repaired},
    units::counted,
};
use std::{fmt::Write as _, path::Path};

/// Nobody has to act: the next start does it.
pub(super) fn mends_itself(finding: &Finding) -> bool {
    finding.remedy == Remedy::CutTail
}

/// What was verified and what was found, finding by finding.
pub(super) fn examination(folder: &Path, seen: &Examination) -> String {
    let mut text = format!(
        "{}: {} files, {}, {} commits, {} records verified; the last commit is {}\n",
        folder.display(),
        seen.files,
        figure::bytes(seen.bytes as f64),
        seen.commits,
        seen.records,
        seen.last_lsn
    );
    if seen.is_clean() {
        text.push_str("nothing is wrong\n");
    }
    for finding in &seen.findings {
        let _ = writeln!(text, "\n{} at byte {}: {}", finding.path.display(), finding.offset, finding.what);
        let _ = writeln!(text, "  it means: {}", finding.consequence);
        let _ = writeln!(text, "  remedy:   {}", advice(finding.remedy));
    }
    text
}

fn advice(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::CutTail => "none needed; the next start cuts it, and nothing is lost",
        Remedy::RebuildIndex => "--repair builds the index again; nothing is lost",
        Remedy::RewriteManifest => "--repair writes the manifest again; nothing is lost",
        Remedy::DropSnapshot => {
            "--repair drops the snapshot, and the next start reads more of the log; nothing is lost"
        }
        Remedy::SetAside => {
            "restore a copy of the folder; or --repair --accept-loss keeps what is whole, sets the rest aside as \
             *.damaged and writes what is lost into LOSSES.json"
        }
        Remedy::Restore => "restore a copy of the folder; nothing here can mend it",
    }
}

/// What to do about all of it, in one line.
pub(super) fn remedy(folder: &Path, seen: &Examination) -> String {
    let findings = counted(seen.findings.len() as u64, "finding");
    let folder = folder.display();
    if seen.is_harmless() {
        return format!("{findings}; `caudal doctor {folder} --repair` mends them and loses nothing");
    }
    if seen.findings.iter().any(|finding| finding.remedy == Remedy::Restore) {
        return format!("{findings}; restore a copy of the folder");
    }
    format!(
        "{findings}; restore a copy of the folder, or let go of what is damaged with \
         `caudal doctor {folder} --repair --accept-loss`"
    )
}

/// What a repair did and what is lost.
pub(super) fn repaired(repaired: &Repaired) -> String {
    let mut text = String::from("\n");
    if repaired.actions.is_empty() {
        text.push_str("nothing was repaired\n");
    }
    for action in &repaired.actions {
        let _ = writeln!(text, "repaired: {action}");
    }
    for loss in &repaired.losses {
        let _ = writeln!(
            text,
            "lost: {} records of {} (sequences {} to {}), written down in LOSSES.json",
            loss.next.saturating_sub(loss.first),
            loss.name,
            loss.first,
            loss.next.saturating_sub(1)
        );
    }
    text
}
