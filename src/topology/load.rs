//! From a file to a plan, or to everything that is wrong with it.

use super::{
    Plan, TopologySpec, check,
    document::{Environment, Language},
    fault::Fault,
    reading,
    schema::Definitions,
};
use std::path::Path;

/// Reads and checks a topology file; references are looked up in the process's environment.
///
/// # Errors
/// Every fault of the file, in its order.
pub fn load(path: &Path) -> Result<Plan, Vec<Fault>> {
    let (text, language) = reading::read_file(path)?;
    load_text(path, &text, language, &|name| std::env::var(name).ok())
}

/// Checks a topology's text; `file` is only shown in faults.
///
/// # Errors
/// Every fault of the text, in its order.
pub fn load_text(
    file: &Path,
    text: &str,
    language: Language,
    environment: Environment<'_>,
) -> Result<Plan, Vec<Fault>> {
    let spec: TopologySpec =
        reading::read_text(file, (text, language), environment, &Definitions::default(), check::check)?;
    Ok(Plan::of(spec))
}
