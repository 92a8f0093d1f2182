//! Producer, number and time of records, out of columns or of their own text.

use datafusion::arrow::{
    array::{Array, AsArray, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Int64Type, Schema, SchemaRef},
};
use serde::Deserialize;
use std::sync::Arc;

pub const PRODUCER: &str = "producer";
pub const NUMBER: &str = "number";
/// When a record was planned to be sent, milliseconds since the epoch.
pub const AT: &str = "at";

/// A record as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Sighting {
    pub producer: u64,
    pub number: u64,
    #[serde(default)]
    pub at: Option<i64>,
}

impl Sighting {
    /// What the text of a record says; nothing when it is none of a load test.
    pub fn of(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether it is of a run that began then; a record without a time may be.
    pub fn is_since(&self, began_ms: i64) -> bool {
        self.at.is_none_or(|at| at >= began_ms)
    }
}

/// The columns of records as they came.
pub fn columns() -> SchemaRef {
    let field = |name: &str| Field::new(name, DataType::Int64, true);
    Arc::new(Schema::new(vec![field(PRODUCER), field(NUMBER), field(AT)]))
}

/// A column of whole numbers, if the batch has it.
pub fn column<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a Int64Array> {
    batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()
}

/// The records of a batch, row by row; nothing for a row that is none of a load test.
pub fn sightings(batch: &RecordBatch) -> impl Iterator<Item = Option<Sighting>> + '_ {
    let value = |column: Option<&Int64Array>, row: usize| {
        column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
    };
    let (producers, numbers, times) = (column(batch, PRODUCER), column(batch, NUMBER), column(batch, AT));
    (0..batch.num_rows()).map(move |row| {
        let whole = |column| value(column, row).and_then(|value| u64::try_from(value).ok());
        Some(Sighting { producer: whole(producers)?, number: whole(numbers)?, at: value(times, row) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_record_of_a_load_test_when_it_has_producer_and_number() {
        let values = |values: [Option<i64>; 4]| Arc::new(Int64Array::from_iter(values)) as _;
        let batch = RecordBatch::try_from_iter([
            (PRODUCER, values([Some(1), None, Some(-1), Some(2)])),
            (NUMBER, values([Some(9), Some(9), Some(9), Some(8)])),
            (AT, values([Some(50), Some(50), Some(50), None])),
        ]);
        let found: Vec<Option<Sighting>> = sightings(&batch.unwrap()).collect();
        let of = |producer, number, at| Some(Sighting { producer, number, at });
        assert_eq!(found, [of(1, 9, Some(50)), None, None, of(2, 8, None)]);
        let lacking = RecordBatch::try_from_iter([(NUMBER, values([Some(1); 4]))]).unwrap();
        assert!(sightings(&lacking).all(|found| found.is_none()));
        assert_eq!(Sighting::of("{\"number\":9,\"x\":{},\"producer\":1,\"at\":50}"), of(1, 9, Some(50)));
        assert_eq!(Sighting::of("{\"number\":9}"), None);
    }

    #[test]
    fn a_record_of_an_earlier_run_is_told_by_its_time() {
        let of = |at| Sighting { producer: 0, number: 0, at };
        assert!(of(Some(50)).is_since(50) && of(None).is_since(50) && !of(Some(49)).is_since(50));
    }
}
