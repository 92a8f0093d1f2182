//! Reading places: objects of raw nodes, tables and their quarantines.

use super::{
    ProofError,
    findings::{Findings, Place, Position},
    sighting::{AT, NUMBER, PRODUCER, Sighting, column, columns, sightings},
};
use crate::{
    load::outcome::{Latency, Recorder},
    pipeline::rules::{SEQUENCE_COLUMN, SHARD_COLUMN},
    query::{Commits, RangedObject, Rows, Trouble, ask, commits, objects_in_order, rows},
};
use datafusion::arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::DataType,
};
use futures::{StreamExt, TryStreamExt};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Objects that are read at once.
const AHEAD: usize = 4;
/// The column of a quarantine that holds records as they came.
const PAYLOAD: &str = "payload";

/// Where tables and objects lie.
#[derive(Debug)]
pub struct Places {
    pub data: PathBuf,
    /// Records that were planned before, milliseconds since the epoch, are of another run.
    pub began_ms: i64,
}

/// From the planned send time to where records were found, by place.
#[derive(Debug, Default)]
pub struct Hops(BTreeMap<String, Recorder>);

impl Hops {
    fn record(&mut self, place: &str, from_ms: i64, to_ms: i64) {
        let took = Duration::from_millis(u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(0));
        if let Some(recorder) = self.0.get_mut(place) {
            recorder.record(took);
        } else {
            self.0.entry(place.to_owned()).or_default().record(took);
        }
    }

    pub fn latencies(&self) -> BTreeMap<String, Latency> {
        self.0.iter().map(|(place, recorder)| (place.clone(), recorder.latency())).collect()
    }
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The rows of a select; none from a table that was never written to.
async fn rows_or_none(data: &std::path::Path, sql: &str) -> Result<Option<Rows>, Trouble> {
    match rows(data, sql).await {
        Ok(rows) => Ok(Some(rows)),
        Err(Trouble::NothingYet(_)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

impl Places {
    /// Notes what a raw node holds, in the order in which it lies there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn raw(&self, node: &str, findings: &mut Findings, hops: &mut Hops) -> Result<(), ProofError> {
        let name = format!("raw {node}");
        let place = findings.place(&name)?;
        let columns = columns();
        let read = |object: RangedObject| {
            let columns = &columns;
            async move {
                let batches = object.read(columns).await?;
                Ok::<_, Trouble>((object, batches))
            }
        };
        let objects = objects_in_order(&self.data, node).await?;
        let mut objects = futures::stream::iter(objects).map(read).buffered(AHEAD);
        while let Some((object, batches)) = objects.try_next().await? {
            for (line, sighting) in (0_u64..).zip(batches.iter().flat_map(sightings)) {
                let Some(seen) = sighting.filter(|seen| seen.is_since(self.began_ms)) else { continue };
                let position = Position::new(place, object.shard, object.first.saturating_add(line))?;
                findings.note(seen.producer, seen.number, position);
                if let Some(at) = seen.at {
                    hops.record(&name, at, object.written_at_ms());
                }
            }
        }
        Ok(())
    }

    /// Notes the rows of a table.
    ///
    /// # Errors
    /// When it cannot be read, or lacks the columns that tell records apart.
    pub async fn table(
        &self,
        table: &str,
        findings: &mut Findings,
        hops: &mut Hops,
    ) -> Result<(), ProofError> {
        let name = format!("warehouse {table}");
        let place = findings.place(&name)?;
        let from = format!("warehouse.{}", quoted(table));
        let has_time = match ask(&self.data, &format!("select * from {from} limit 0")).await {
            Ok(none) => none.schema.field_with_name(AT).is_ok_and(|field| field.data_type().is_integer()),
            Err(Trouble::NothingYet(_)) => return Ok(()),
            Err(trouble) => return Err(trouble.into()),
        };
        let at =
            if has_time { format!("cast(\"{AT}\" as bigint)") } else { "cast(null as bigint)".to_owned() };
        let sql = format!(
            "select cast({PRODUCER} as bigint) as {PRODUCER}, cast({NUMBER} as bigint) as {NUMBER}, {at} as \"{AT}\", \
             cast({SHARD_COLUMN} as bigint) as {SHARD_COLUMN}, \
             cast({SEQUENCE_COLUMN} as bigint) as {SEQUENCE_COLUMN} from {from}"
        );
        let lacking = |trouble| match trouble {
            trouble @ Trouble::Unknown(_) => ProofError::Columns { table: table.to_owned(), trouble },
            other => other.into(),
        };
        let Some(mut rows) = rows_or_none(&self.data, &sql).await.map_err(lacking)? else { return Ok(()) };
        let commits = commits(&self.data, table).await?;
        while let Some(batch) = rows.next().await? {
            let seen = self.note_rows(&batch, sightings(&batch), place, findings)?;
            record_commits(&name, &commits, seen, hops);
        }
        Ok(())
    }

    /// Notes the records that rules have rejected.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn quarantine(&self, table: &str, findings: &mut Findings) -> Result<(), ProofError> {
        let place = findings.place(&format!("quarantine {table}"))?;
        let sql = format!(
            "select cast({PAYLOAD} as varchar) as {PAYLOAD}, cast({SHARD_COLUMN} as bigint) as {SHARD_COLUMN}, \
             cast({SEQUENCE_COLUMN} as bigint) as {SEQUENCE_COLUMN} from quarantine.{}",
            quoted(table)
        );
        let Some(mut rows) = rows_or_none(&self.data, &sql).await? else { return Ok(()) };
        while let Some(batch) = rows.next().await? {
            let found: Vec<Option<Sighting>> =
                texts(&batch).iter().map(|text| Sighting::of(text.as_deref()?)).collect();
            self.note_rows(&batch, found.into_iter(), place, findings)?;
        }
        Ok(())
    }

    /// Notes rows that carry their shard and sequence; returns those of this run.
    fn note_rows(
        &self,
        batch: &RecordBatch,
        found: impl Iterator<Item = Option<Sighting>>,
        place: Place,
        findings: &mut Findings,
    ) -> Result<Vec<(Sighting, u32, u64)>, ProofError> {
        let (shards, sequences) = (column(batch, SHARD_COLUMN), column(batch, SEQUENCE_COLUMN));
        let (Some(shards), Some(sequences)) = (shards, sequences) else { return Ok(Vec::new()) };
        let mut noted = Vec::with_capacity(batch.num_rows());
        for ((sighting, shard), sequence) in found.zip(shards.iter()).zip(sequences.iter()) {
            let Some(seen) = sighting.filter(|seen| seen.is_since(self.began_ms)) else { continue };
            let shard = shard.and_then(|shard| u32::try_from(shard).ok());
            let sequence = sequence.and_then(|sequence| u64::try_from(sequence).ok());
            let (Some(shard), Some(sequence)) = (shard, sequence) else { continue };
            findings.note(seen.producer, seen.number, Position::new(place, shard, sequence)?);
            noted.push((seen, shard, sequence));
        }
        Ok(noted)
    }
}

fn record_commits(name: &str, commits: &Commits, seen: Vec<(Sighting, u32, u64)>, hops: &mut Hops) {
    for (sighting, shard, sequence) in seen {
        if let (Some(at), Some(made)) = (sighting.at, commits.made_at_ms(shard, sequence)) {
            hops.record(name, at, made);
        }
    }
}

/// The payloads of a quarantine's rows, whatever form the engine gives text.
fn texts(batch: &RecordBatch) -> Vec<Option<String>> {
    let Some(column) = batch.column_by_name(PAYLOAD) else { return vec![None; batch.num_rows()] };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().iter().map(owned).collect(),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().map(owned).collect(),
        DataType::Utf8 => column.as_string::<i32>().iter().map(owned).collect(),
        _ => vec![None; column.len()],
    }
}
