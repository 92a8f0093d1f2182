use super::super::fitting::{column_name, fitted, gathered, widened};
use datafusion::arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array, NullArray, StringArray},
    datatypes::{DataType, Field, Fields, Int64Type},
    record_batch::RecordBatch,
};
use std::sync::Arc;

fn rows(column: &str, values: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([(column, values)]).unwrap()
}

fn columns(name: &str, data_type: DataType) -> Fields {
    Fields::from(vec![Field::new(name, data_type, true)])
}

#[test]
fn numbers_fit_only_unchanged() {
    let values = Float64Array::from(vec![Some(1.0), Some(1.5), None, Some(1e300)]);
    let fit = fitted(&rows("v", Arc::new(values)), &columns("v", DataType::Int64)).unwrap();
    assert_eq!(fit.misfits.keys().copied().collect::<Vec<_>>(), [1, 3]);
    assert!(fit.misfits[&1].contains("column v: 1.5 is no whole number"), "{:?}", fit.misfits);
    let kept = fit.rows.column(0).as_primitive::<Int64Type>();
    assert_eq!(kept.iter().collect::<Vec<_>>(), [Some(1), None]);
    let large = Int64Array::from(vec![(1 << 53) + 1]);
    let fit = fitted(&rows("v", Arc::new(large)), &columns("v", DataType::Float64)).unwrap();
    assert_eq!(fit.misfits.len(), 1);
}

#[test]
fn text_fits_whole_numbers_only_if_it_is_written_as_one() {
    let values = StringArray::from(vec!["12", "012", "x", "-3"]);
    let fit = fitted(&rows("v", Arc::new(values)), &columns("v", DataType::Int64)).unwrap();
    assert_eq!(fit.misfits.keys().copied().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn anything_scalar_fits_text() {
    let values = Float64Array::from(vec![1.5]);
    let fit = fitted(&rows("v", Arc::new(values)), &columns("v", DataType::Utf8)).unwrap();
    assert!(fit.misfits.is_empty());
    assert_eq!(fit.rows.column(0).as_string::<i32>().value(0), "1.5");
}

#[test]
fn a_column_without_values_waits_for_a_type() {
    let nothing = rows("v", Arc::new(NullArray::new(1)));
    assert!(widened(&Fields::empty(), nothing.schema().fields()).is_empty());
    let some = rows("v", Arc::new(Int64Array::from(vec![1])));
    let joined = gathered([&nothing, &some]);
    assert_eq!(widened(&Fields::empty(), &joined), columns("v", DataType::Int64));
}

#[test]
fn names_that_files_refuse_are_rewritten() {
    assert_eq!(column_name("a b,c=(d)"), "a_b_c__d_");
    assert_eq!(column_name("$oid"), "$oid");
}
