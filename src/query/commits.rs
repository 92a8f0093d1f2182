//! The commits of a table: when each was made and what it covers, as the table's log tells.
//! <https://github.com/delta-io/delta/blob/master/PROTOCOL.md>

use super::trouble::Trouble;
use crate::pipeline::{catalog::Catalog, object_stores::open_store};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};

const LOG: &str = "_delta_log";
/// `N.json`, N of twenty digits.
const NAME_LENGTH: usize = 25;

/// When each sequence of each shard came into a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commits {
    /// By shard: the last sequence that a commit covers, and when it was made, milliseconds since the epoch.
    covered: BTreeMap<u32, BTreeMap<u64, i64>>,
}

/// What matters of a line of a commit.
#[derive(Debug, Deserialize)]
struct Action {
    txn: Option<Position>,
    #[serde(rename = "commitInfo")]
    made: Option<Made>,
}

/// The position that a loader commits with its rows, as `LOADER/SHARD`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    app_id: String,
    version: u64,
}

#[derive(Debug, Deserialize)]
struct Made {
    timestamp: Option<i64>,
}

impl Commits {
    /// Reads the text of one commit.
    fn note(&mut self, text: &str) {
        let actions: Vec<Action> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let Some(at_ms) = actions.iter().find_map(|action| action.made.as_ref()?.timestamp) else { return };
        for position in actions.iter().filter_map(|action| action.txn.as_ref()) {
            let shard = position.app_id.rsplit('/').next().and_then(|shard| shard.parse().ok());
            let Some(shard) = shard else { continue };
            self.covered.entry(shard).or_default().insert(position.version, at_ms);
        }
    }

    /// When a sequence of a shard was committed; nothing while it was not, or no commit tells.
    pub fn made_at_ms(&self, shard: u32, sequence: u64) -> Option<i64> {
        self.covered.get(&shard)?.range(sequence..).next().map(|(_, at_ms)| *at_ms)
    }
}

/// The commits of a table of the warehouse that its log still has.
///
/// # Errors
/// When there is no such table, or its log cannot be read.
pub async fn commits(data: &Path, table: &str) -> Result<Commits, Trouble> {
    let catalog = Catalog::load(data)?;
    let Some(entry) = catalog.loader_of(table) else {
        return Err(Trouble::Unknown(format!("no table warehouse.{table}")));
    };
    let opened = open_store(&entry.warehouse, data)?;
    let log = opened.prefix.clone().join(LOG);
    let failed = |error: object_store::Error| Trouble::Failed(format!("reading the log of {table}: {error}"));
    let files: Vec<_> = opened.store.list(Some(&log)).try_collect().await.map_err(failed)?;
    let is_commit = |name: &str| name.len() == NAME_LENGTH && name.ends_with(".json");
    let mut commits = Commits::default();
    for file in files.iter().filter(|file| file.location.filename().is_some_and(is_commit)) {
        let bytes = opened.store.get(&file.location).await.map_err(failed)?.bytes().await.map_err(failed)?;
        commits.note(&String::from_utf8_lossy(&bytes));
    }
    Ok(commits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_came_with_the_first_commit_that_covers_it() {
        let mut commits = Commits::default();
        commits.note(
            "{\"commitInfo\":{\"timestamp\":100,\"operation\":\"WRITE\"}}\n{\"add\":{\"path\":\"a\"}}\n\
             {\"txn\":{\"appId\":\"caudal/facts/trips@1/0\",\"version\":9}}\n\
             {\"txn\":{\"appId\":\"caudal/facts/trips@1/2\",\"version\":3,\"lastUpdated\":1}}\n",
        );
        commits.note("{\"txn\":{\"appId\":\"caudal/facts/trips@1/0\",\"version\":12}}\n{\"commitInfo\":{\"timestamp\":200}}\n");
        commits.note("{\"commitInfo\":{\"timestamp\":300,\"operation\":\"OPTIMIZE\"}}\n");
        let at = |shard, sequence| commits.made_at_ms(shard, sequence);
        assert_eq!(
            (at(0, 0), at(0, 9), at(0, 10), at(0, 12), at(0, 13)),
            (Some(100), Some(100), Some(200), Some(200), None)
        );
        assert_eq!((at(2, 3), at(2, 4), at(1, 0)), (Some(100), None, None));
    }
}
