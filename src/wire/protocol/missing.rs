//! Required members that a request lacks, told one at a time, as services do that came from Query.

use super::{Input, Shape, Value};

/// The first required member that is not there, by its name in Query: `QueueUrl`, or
/// `SendMessageBatchRequestEntry.2.Id` of the second item of a list.
pub fn first_missing(input: &Input) -> Option<String> {
    input.fields().find_map(|(member, value)| {
        let name = member.query_name().name;
        match (&member.shape, value) {
            (_, None) => member.is_required.then(|| name.to_owned()),
            (Shape::List(_), Some(Value::List(items))) => items.iter().enumerate().find_map(|(at, item)| {
                let within = item.as_ref().and_then(Value::as_structure).and_then(first_missing);
                within.map(|within| format!("{name}.{}.{within}", at + 1))
            }),
            _ => None,
        }
    })
}
