//! Tables of several kinds, told apart by one field of a constant text.

use super::{Definitions, alternatives, fields_of};
use serde_json::Value as Json;

/// A field of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub name: &'a str,
    pub part: &'a Json,
    pub is_needed: bool,
}

/// One of the kinds.
#[derive(Debug)]
pub(super) struct TableKind<'a> {
    /// What tells it from the others: `kind = "trips"`.
    pub name: String,
    pub meaning: String,
    /// All but the one that tells it.
    pub fields: Vec<Field<'a>>,
}

/// All that a table may be.
#[derive(Debug)]
pub(super) struct Kinds<'a> {
    pub all: Vec<TableKind<'a>>,
}

impl<'a> Kinds<'a> {
    /// Nothing when a part is no such table.
    pub fn of(definitions: &'a Definitions, part: &'a Json) -> Option<Self> {
        let listed = alternatives(definitions.resolve(part).as_object()?)?;
        let all = listed.iter().map(|one| kind(definitions, one)).collect::<Option<Vec<_>>>()?;
        Some(Self { all })
    }

    /// Fields that every kind has alike.
    pub fn shared(&self) -> Vec<Field<'a>> {
        let Some((first, rest)) = self.all.split_first() else { return Vec::new() };
        let is_shared =
            |field: &&Field<'a>| rest.iter().all(|kind| kind.fields.iter().any(|one| same(one, field)));
        first.fields.iter().filter(is_shared).copied().collect()
    }

    /// Fields of one kind that others do not have alike.
    pub fn own(&self, kind: &TableKind<'a>) -> Vec<Field<'a>> {
        let shared = self.shared();
        let is_own = |field: &&Field<'a>| !shared.iter().any(|one| same(one, field));
        kind.fields.iter().filter(is_own).copied().collect()
    }
}

fn kind<'a>(definitions: &'a Definitions, part: &'a Json) -> Option<TableKind<'a>> {
    let constant = |field: &Field<'a>| field.part.get("const").and_then(Json::as_str);
    let (tag, fields): (Vec<_>, Vec<_>) =
        fields_of(definitions, part).into_iter().partition(|field| constant(field).is_some());
    let [tag] = tag.as_slice() else { return None };
    Some(TableKind {
        name: format!("{} = \"{}\"", tag.name, constant(tag)?),
        meaning: definitions.description(part).unwrap_or_default(),
        fields,
    })
}

fn same(one: &Field, other: &Field) -> bool {
    one.name == other.name && one.is_needed == other.is_needed && one.part == other.part
}
