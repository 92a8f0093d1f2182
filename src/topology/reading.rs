//! From a text to a typed value, or to everything that is wrong with it: for topologies, and for other files
//! that are checked in the same way.

use super::{
    document::{Document, Environment, KeyPath, Language, Position},
    fault::{Fault, Faults, Problem, sorted},
    schema::Definitions,
    shape::{self, Shaped},
};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a file's text by the ending of its name.
///
/// # Errors
/// The fault of the whole file.
pub fn read_file(path: &Path) -> Result<(String, Language), Vec<Fault>> {
    let whole = |problem: Problem| vec![Fault::new(path, Position::default(), KeyPath::default(), &problem)];
    let language =
        Language::of(path).ok_or_else(|| whole(Problem::UnknownLanguage { file: path.to_owned() }))?;
    let text = std::fs::read_to_string(path)
        .map_err(|error| whole(Problem::Unreadable { cause: error.to_string() }))?;
    Ok((text, language))
}

/// Reads a text into what `definitions` describe and `T` is; `check` adds what no schema can say. It sees
/// what is left of the text when every departure from the schema is taken out, so that nothing hides
/// anything else. `file` is only shown in faults.
///
/// # Errors
/// Every fault of the text, in its order.
pub fn read_text<T: DeserializeOwned>(
    file: &Path,
    (text, language): (&str, Language),
    environment: Environment<'_>,
    definitions: &Definitions,
    check: impl FnOnce(&T, &Shaped, &mut Faults<'_>),
) -> Result<T, Vec<Fault>> {
    let (document, refused) = Document::read(file, text, language, environment).map_err(sorted)?;
    let mut faults = Faults::new(file, &document, refused);
    let shaped = shape::examine(definitions, &document.root, &mut faults);
    if let Some(read) = typed(&shaped, &mut faults) {
        check(&read, &shaped, &mut faults);
        if faults.is_empty() {
            return Ok(read);
        }
    }
    Err(faults.sorted())
}

/// The typed value; what the schema could not say is refused here.
fn typed<T: DeserializeOwned>(shaped: &Shaped, faults: &mut Faults<'_>) -> Option<T> {
    match serde_path_to_error::deserialize(&shaped.tree) {
        Ok(read) => Some(read),
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
