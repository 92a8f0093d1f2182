//! What a plan writes where, told to the catalog of its data folder.

use super::{Plan, Section};
use crate::pipeline::catalog::{Catalog, CatalogError, LoaderEntry, RawEntry};
use std::path::Path;

/// Writes the plan's raw stores and tables into the data folder's catalog, for `caudal query`. Blocking.
///
/// # Errors
/// See [`CatalogError`].
pub fn record(plan: &Plan, data: &Path) -> Result<(), CatalogError> {
    let raw = plan.nodes.iter().filter_map(|node| match (&node.section, &node.from) {
        (Section::Raw(section), Some(from)) => Some((node.name.clone(), RawEntry::new(section, &from.node))),
        _ => None,
    });
    let loaders = plan.nodes.iter().filter_map(|node| match &node.section {
        Section::Loader(section) => Some((node.name.clone(), LoaderEntry::new(section))),
        _ => None,
    });
    Catalog::update(data, raw, loaders).map(drop)
}
