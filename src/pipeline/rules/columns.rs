//! Result columns in the few types that JSON, Parquet and every table format know.

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, StructArray, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, FieldRef, Fields, TimeUnit},
    error::ArrowError,
    util::display::FormatOptions,
};
use std::sync::Arc;

const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: FormatOptions::new() };
/// Most digits that a 128-bit decimal has.
const MOST_DIGITS: u8 = 38;

/// The plain type that a result of any type is given in. Times are UTC with microseconds.
pub(crate) fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null
        | DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Decimal128(..) => data_type.clone(),
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Timestamp(..) | DataType::Date64 => utc_timestamp(),
        DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) => {
            DataType::Decimal128(*digits, *scale)
        }
        DataType::Decimal256(_, scale) => DataType::Decimal128(MOST_DIGITS, *scale),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => DataType::List(plain_item(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Dictionary(_, value) => plain_type(value),
        _ => DataType::Utf8,
    }
}

/// A field of plain type; every field may be null.
pub(crate) fn plain_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), plain_type(field.data_type()), true))
}

fn plain_item(item: &FieldRef) -> FieldRef {
    Arc::new(Field::new("item", plain_type(item.data_type()), true))
}

/// Microseconds in UTC.
pub(crate) fn utc_timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The type that values of both types can be given in; none for an object beside a scalar.
pub(crate) fn common_type(left: &DataType, right: &DataType) -> Option<DataType> {
    match (left, right) {
        (left, right) if left == right => Some(left.clone()),
        (DataType::Null, known) | (known, DataType::Null) => Some(known.clone()),
        (DataType::Struct(left), DataType::Struct(right)) => common_fields(left, right).map(DataType::Struct),
        (DataType::List(left), DataType::List(right)) => {
            let item = common_type(left.data_type(), right.data_type())?;
            Some(DataType::List(Arc::new(Field::new("item", item, true))))
        }
        (left, right) if left.is_nested() || right.is_nested() => None,
        (left, right) if left.is_integer() && right.is_integer() => Some(DataType::Int64),
        (left, right) if left.is_numeric() && right.is_numeric() => Some(DataType::Float64),
        _ => Some(DataType::Utf8),
    }
}

/// The fields of both, in order, those of `left` first.
pub(crate) fn common_fields(left: &Fields, right: &Fields) -> Option<Fields> {
    let mut fields: Vec<FieldRef> = Vec::with_capacity(left.len());
    for field in left {
        let other = right.find(field.name()).map_or(&DataType::Null, |(_, other)| other.data_type());
        fields.push(Arc::new(Field::new(field.name(), common_type(field.data_type(), other)?, true)));
    }
    fields.extend(right.iter().filter(|field| left.find(field.name()).is_none()).cloned());
    Some(fields.into())
}

/// The values as another type: objects by the names of their fields, missing ones as null.
///
/// # Errors
/// When a value cannot be given in that type.
pub(crate) fn converted(values: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    match (values.data_type(), wanted) {
        (given, wanted) if given == wanted => Ok(Arc::clone(values)),
        (DataType::Null, wanted) => Ok(new_null_array(wanted, values.len())),
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let object = values.as_struct();
            let columns = fields.iter().map(|field| match object.column_by_name(field.name()) {
                Some(column) => converted(column, field.data_type()),
                None => Ok(new_null_array(field.data_type(), values.len())),
            });
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let object = StructArray::try_new_with_length(
                fields.clone(),
                columns,
                values.nulls().cloned(),
                values.len(),
            )?;
            Ok(Arc::new(object))
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = values.as_list::<i32>();
            let items = converted(list.values(), item.data_type())?;
            let list =
                ListArray::try_new(Arc::clone(item), list.offsets().clone(), items, list.nulls().cloned())?;
            Ok(Arc::new(list))
        }
        _ => cast_with_options(values, wanted, &STRICT),
    }
}
