//! A commit that a table's log lacks. By Delta's protocol commits are `_delta_log/N.json`, N of twenty digits
//! and dense, and whatever is older than a checkpoint `_delta_log/N.checkpoint…parquet` may be gone.

use crate::pipeline::object_stores::OpenedStore;
use futures::TryStreamExt;
use std::collections::BTreeSet;

const LOG: &str = "_delta_log";
const DIGITS: usize = 20;

/// What a file of a log is, with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Commit(u64),
    Checkpoint(u64),
}

fn part(name: &str) -> Option<Part> {
    let (version, kind) = name.split_at_checked(DIGITS)?;
    let version = version.parse().ok()?;
    match kind {
        ".json" => Some(Part::Commit(version)),
        kind if kind.starts_with(".checkpoint") && kind.ends_with(".parquet") => {
            Some(Part::Checkpoint(version))
        }
        _ => None,
    }
}

/// The oldest version that is needed and not there. A log without any needs its beginning.
fn oldest_missing(parts: impl IntoIterator<Item = Part>) -> Option<u64> {
    let (mut commits, mut begins) = (BTreeSet::new(), 0);
    for part in parts {
        match part {
            Part::Commit(version) => drop(commits.insert(version)),
            Part::Checkpoint(version) => begins = begins.max(version + 1),
        }
    }
    let ends = commits.last().map_or(u64::from(begins == 0), |last| last + 1);
    (begins..ends).find(|version| !commits.contains(version))
}

/// Which commit of a table's log is needed and not there, as a path within the table; `None` where the log is whole
/// or cannot be listed.
pub async fn missing_commit(opened: &OpenedStore) -> Option<String> {
    let log = opened.prefix.clone().join(LOG);
    let files: Vec<_> = opened.store.list(Some(&log)).try_collect().await.ok()?;
    let parts = files.iter().filter_map(|file| part(file.location.filename()?));
    oldest_missing(parts).map(|version| format!("{LOG}/{version:0DIGITS$}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_needs_every_version_from_its_newest_checkpoint_on() {
        let log = |commits: &[u64], checkpoints: &[u64]| {
            let commits = commits.iter().copied().map(Part::Commit);
            oldest_missing(commits.chain(checkpoints.iter().copied().map(Part::Checkpoint)))
        };
        assert_eq!(log(&[0, 1, 2], &[]), None);
        assert_eq!(log(&[0, 2, 3, 5], &[]), Some(1));
        assert_eq!(log(&[1, 2], &[]), Some(0));
        assert_eq!(log(&[0, 5, 6], &[4, 2]), None);
        assert_eq!(log(&[0, 5, 7], &[4]), Some(6));
        assert_eq!(log(&[], &[4]), None, "the newest commit may be in its checkpoint");
        assert_eq!(log(&[], &[]), Some(0));
    }

    #[test]
    fn names_are_told_by_their_form() {
        assert_eq!(part("00000000000000000012.json"), Some(Part::Commit(12)));
        assert_eq!(part("00000000000000000012.checkpoint.parquet"), Some(Part::Checkpoint(12)));
        let several = "00000000000000000012.checkpoint.0000000001.0000000002.parquet";
        assert_eq!(part(several), Some(Part::Checkpoint(12)));
        for other in ["_last_checkpoint", "12.json", "00000000000000000012.crc", "0000000000000000001é.json"]
        {
            assert_eq!(part(other), None, "{other}");
        }
    }
}
