//! From a file to a plan, or to everything that is wrong with it.

use super::{
    Plan, TopologySpec, check,
    document::{Document, Environment, KeyPath, Language, Position},
    fault::{Fault, Faults, Problem, sorted},
    schema::Definitions,
    shape::{self, Shaped},
};
use std::path::Path;

/// Reads and checks a topology file; references are looked up in the process's environment.
///
/// # Errors
/// Every fault of the file, in its order.
pub fn load(path: &Path) -> Result<Plan, Vec<Fault>> {
    let whole = |problem: Problem| vec![Fault::new(path, Position::default(), KeyPath::default(), &problem)];
    let language =
        Language::of(path).ok_or_else(|| whole(Problem::UnknownLanguage { file: path.to_owned() }))?;
    let text = std::fs::read_to_string(path)
        .map_err(|error| whole(Problem::Unreadable { cause: error.to_string() }))?;
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
    let (document, refused) = Document::read(file, text, language, environment).map_err(sorted)?;
    let mut faults = Faults::new(file, &document, refused);
    let shaped = shape::examine(&Definitions::default(), &document.root, &mut faults);
    if let Some(spec) = read_spec(&shaped, &mut faults) {
        check::check(&spec, &shaped, &mut faults);
        if faults.is_empty() {
            return Ok(Plan::of(spec));
        }
    }
    Err(faults.sorted())
}

/// The typed topology; what the schema could not say is refused here.
fn read_spec(shaped: &Shaped, faults: &mut Faults<'_>) -> Option<TopologySpec> {
    match serde_path_to_error::deserialize(&shaped.tree) {
        Ok(spec) => Some(spec),
        Err(error) => {
            let path = error.path().iter().fold(KeyPath::default(), |path, segment| match segment {
                serde_path_to_error::Segment::Seq { index } => path.item(*index),
                serde_path_to_error::Segment::Map { key } => path.field(key),
                serde_path_to_error::Segment::Enum { variant } => path.field(variant),
                serde_path_to_error::Segment::Unknown => path,
            });
            faults.add(&path, &Problem::Malformed { message: error.inner().to_string() });
            None
        }
    }
}
