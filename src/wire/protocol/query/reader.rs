//! A form to the typed tree, led by the shape.

use super::Form;
use crate::wire::protocol::{
    Input, Map, Member, QueryName, Shape, Structure, Value, budget::Budget, scalar::Mismatch,
};

/// Reads the parameters that a structure has; others are left out.
///
/// # Errors
/// For a number or a boolean that is none, and for too much.
pub(in crate::wire::protocol) fn read(shape: &'static Structure, form: &Form) -> Result<Input, Mismatch> {
    structure(shape, form, &Budget::new())
}

fn structure(shape: &'static Structure, form: &Form, budget: &Budget) -> Result<Input, Mismatch> {
    budget.take(shape.members.len())?;
    let mut input = Input::empty(shape);
    for (at, member) in shape.members.iter().enumerate() {
        if let Some(place) = form.below.get(member.query_name().name) {
            input.put(at, value(&member.shape, member, place, budget)?);
        }
    }
    Ok(input)
}

fn value(
    shape: &Shape,
    member: &'static Member,
    form: &Form,
    budget: &Budget,
) -> Result<Option<Value>, Mismatch> {
    match shape {
        Shape::List(list) => items(form)
            .into_iter()
            .map(|item| {
                budget.take(1)?;
                value(&list.member, member, item, budget)
            })
            .collect::<Result<_, _>>()
            .map(|items| Some(Value::List(items))),
        Shape::Map(shape) => map(shape, member, form, budget).map(Some),
        Shape::Structure(shape) => structure(shape, form, budget).map(|input| Some(Value::Structure(input))),
        scalar => form.value.as_deref().map(|text| single(scalar, member, text)).transpose(),
    }
}

/// The items of a flat list, of one with `member` between, or the only one of a list without numbers.
fn items(form: &Form) -> Vec<&Form> {
    let numbered = form.below.get("member").unwrap_or(form).items();
    match numbered.is_empty() && (form.value.is_some() || !form.below.is_empty()) {
        true => vec![form],
        false => numbered,
    }
}

fn map(
    shape: &'static Map,
    member: &'static Member,
    form: &Form,
    budget: &Budget,
) -> Result<Value, Mismatch> {
    let QueryName { key, .. } = member.query_name();
    let mut entries = indexmap::IndexMap::new();
    for entry in items(form) {
        budget.take(1)?;
        let Some(name) = entry.value(key) else { continue };
        let below = entry.below.get("Value");
        let read = below.map(|below| value(&shape.value, member, below, budget)).transpose()?;
        entries.insert(name.to_owned(), read.flatten());
    }
    Ok(Value::Map(entries.into_iter().collect()))
}

fn single(shape: &Shape, member: &Member, text: &str) -> Result<Value, Mismatch> {
    let read = match shape {
        Shape::Blob(_) => crate::wire::protocol::blob::decode(text).ok().map(Value::Blob),
        Shape::Integer(_) => text.parse::<i32>().ok().map(|number| Value::Integer(number.into())),
        Shape::Long(_) => text.parse().ok().map(Value::Integer),
        Shape::Double => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Double),
        Shape::Boolean => text.parse().ok().map(Value::Boolean),
        Shape::Text(_) => Some(Value::Text(text.to_owned())),
        Shape::Timestamp | Shape::List(_) | Shape::Map(_) | Shape::Structure(_) => None,
    };
    read.ok_or_else(|| format!("Value for parameter {} is invalid.", member.query_name().name))
}
