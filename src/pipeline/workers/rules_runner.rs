//! Rules over received messages.

use super::{RulesRun, runner::Fate};
use crate::{
    pipeline::rules::{InputRecord, Outcome, RuleError, Rulebook, SEQUENCE_COLUMN, rows_as_json},
    storage::LeasedMessage,
};
use bytes::Bytes;
use datafusion::arrow::{array::AsArray, datatypes::Int64Type};

/// SQL applied to each batch of messages.
#[derive(Debug)]
pub(super) struct RulesRunner {
    rulebook: Rulebook,
}

impl RulesRunner {
    pub fn new(run: &RulesRun) -> Result<Self, RuleError> {
        Ok(Self { rulebook: Rulebook::compile(&run.sql, &run.reject)? })
    }

    pub fn version(&self) -> &str {
        self.rulebook.version()
    }

    pub async fn run(&self, messages: &[LeasedMessage]) -> Vec<Fate> {
        let input = |message: &LeasedMessage| InputRecord {
            shard: 0,
            sequence: message.receipt.sequence,
            arrived_at_ms: message.record.arrived_at_ms,
            key: message.record.key.clone(),
            payload: message.record.payload.clone(),
        };
        let records: Vec<InputRecord> = messages.iter().map(input).collect();
        let outcome = match self.rulebook.apply(&records).await {
            Ok(outcome) => outcome,
            Err(error) => return all_failed(messages.len(), &error.to_string()),
        };
        let rows = match rows_with_sequence(&outcome) {
            Ok(rows) => rows,
            Err(reason) => return all_failed(messages.len(), &reason),
        };
        let rejected = outcome.rejected.into_iter().map(|rejected| (rejected.index, rejected.reason));
        let sequences: Vec<u64> = records.iter().map(|record| record.sequence).collect();
        fates(&sequences, rejected, rows)
    }
}

fn all_failed(count: usize, reason: &str) -> Vec<Fate> {
    vec![Fate::Failed { reason: reason.to_owned(), after: None }; count]
}

/// Each row as JSON with the sequence of the message it came of.
fn rows_with_sequence(outcome: &Outcome) -> Result<Vec<(u64, Bytes)>, String> {
    let column = outcome.rows.column_by_name(SEQUENCE_COLUMN);
    let Some(sequences) = column.and_then(|column| column.as_primitive_opt::<Int64Type>()) else {
        return Err(format!("the rules gave rows without {SEQUENCE_COLUMN}"));
    };
    let rows = rows_as_json(&outcome.rows).map_err(|error| error.to_string())?;
    Ok(sequences.values().iter().map(|sequence| sequence.cast_unsigned()).zip(rows).collect())
}

/// A message with a row is done, one named as rejected is hopeless, any other was left out.
fn fates(
    sequences: &[u64],
    rejected: impl IntoIterator<Item = (usize, String)>,
    rows: Vec<(u64, Bytes)>,
) -> Vec<Fate> {
    let mut fates = vec![Fate::Filtered; sequences.len()];
    for (sequence, row) in rows {
        let place = sequences.iter().position(|known| *known == sequence);
        match place.and_then(|place| fates.get_mut(place)) {
            Some(Fate::Done(results)) => results.push(row),
            Some(fate) => *fate = Fate::Done(vec![row]),
            None => {}
        }
    }
    for (index, reason) in rejected {
        if let Some(fate) = fates.get_mut(index) {
            *fate = Fate::Hopeless { reason };
        }
    }
    fates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_rejects_and_the_rest_find_their_messages() {
        let row = |text: &'static str| Bytes::from_static(text.as_bytes());
        let rows = vec![(30, row("{\"a\":3}")), (10, row("{\"a\":1}"))];
        let got = fates(&[10, 20, 30, 40], [(3, "too short".to_owned())], rows);
        let expected = [
            Fate::Done(vec![row("{\"a\":1}")]),
            Fate::Filtered,
            Fate::Done(vec![row("{\"a\":3}")]),
            Fate::Hopeless { reason: "too short".to_owned() },
        ];
        assert_eq!(got, expected);
    }
}
