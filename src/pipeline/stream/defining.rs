//! The definition of a stream that the topology names: found, made, or refused.

use super::{
    StreamError,
    definition::{Definition, deleted_key, fresh_id, fresh_prefix},
    pages::Kept,
};
use crate::{
    pipeline::now_ms,
    storage::{Batch, Store},
};

/// Finds the definition or makes it; refuses another number of shards once records exist. A stream that
/// was reshaped at run time keeps its shape while the topology's file says the number it said before.
pub(super) async fn define(name: &str, shards: u32, store: &Store) -> Result<Definition, StreamError> {
    let kept = Definition::find(name, store, now_ms())?;
    let definition = match kept.as_ref().map(|kept| kept.definition.clone()) {
        None => {
            let id = fresh_id();
            let prefix = match store.get(&deleted_key(name)) {
                Some(_) => fresh_prefix(name, &id),
                None => name.to_owned(),
            };
            Definition::even(prefix, id, shards, now_ms())
        }
        Some(known) if known.declared == shards || known.open_shards().count() == open(shards) => known,
        Some(known) if has_records(&known, store).await? => {
            let stored = match known.declared {
                0 => u32::try_from(known.open_shards().count()).unwrap_or(u32::MAX),
                declared => declared,
            };
            return Err(StreamError::ShardCount { name: name.to_owned(), stored, wanted: shards });
        }
        Some(known) => replaced(known, name, shards),
    };
    let definition = Definition { declared: shards, ..definition };
    let before = kept.filter(|kept| kept.is_current).map(|Kept { definition, .. }| definition);
    if before.as_ref() != Some(&definition) {
        let mut batch = Batch::new();
        definition.write(name, before.as_ref(), &mut batch)?;
        let commit = |cause| StreamError::Commit { name: name.to_owned(), cause };
        store.commit(batch).await.map_err(commit)?;
    }
    Ok(definition)
}

fn open(shards: u32) -> usize {
    usize::try_from(shards).unwrap_or(usize::MAX)
}

/// An empty stream gets another number of shards. Shards of one that was reshaped may be closed: it begins
/// with new ones.
fn replaced(known: Definition, name: &str, shards: u32) -> Definition {
    let was_reshaped = known.shards.iter().any(|shard| !shard.is_open() || shard.parent.is_some());
    let prefix = if was_reshaped { fresh_prefix(name, &fresh_id()) } else { known.prefix.clone() };
    let even = Definition::even(prefix, known.id, shards, known.created_at_ms);
    Definition { created_at_ms: known.created_at_ms, ..even }
}

async fn has_records(known: &Definition, store: &Store) -> Result<bool, StreamError> {
    let ids = super::stream::declare(store, known, &known.shards).await;
    let commit = |cause| StreamError::Commit { name: known.prefix.clone(), cause };
    let holds = |id| store.range(id).is_some_and(|range| range.next > 0);
    Ok(known.departed > 0 || ids.map_err(commit)?.into_values().any(holds))
}
