//! Outcomes as JSON files: written, read again, compared.

use crate::load::outcome::Outcome;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Of this form are the files written; a change that older readers misunderstand makes it one more.
const FORM: u64 = 1;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{} is not what `caudal load --json FILE` writes: {cause}", path.display())]
    Malformed { path: PathBuf, cause: serde_json::Error },
    #[error("{} is of form {form}, and this Caudal reads {FORM}; run the scenario again", path.display())]
    Form { path: PathBuf, form: u64 },
}

#[derive(Serialize)]
struct Written<'a> {
    form: u64,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

#[derive(Deserialize)]
struct Form {
    form: u64,
}

/// The outcome as the text of a file.
///
/// # Errors
/// When a number has no form in JSON.
pub fn json(outcome: &Outcome) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(&Written { form: FORM, outcome })? + "\n")
}

/// Reads what [`json`] has made.
///
/// # Errors
/// A file that is not there, not of this kind, or of another form.
pub fn read(path: &Path) -> Result<Outcome, FileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| FileError::Unreadable { path: path.to_owned(), cause })?;
    let malformed = |cause| FileError::Malformed { path: path.to_owned(), cause };
    match serde_json::from_str(&text).map_err(malformed)? {
        Form { form: FORM } => serde_json::from_str(&text).map_err(malformed),
        Form { form } => Err(FileError::Form { path: path.to_owned(), form }),
    }
}
