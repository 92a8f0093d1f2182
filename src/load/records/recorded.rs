//! Lines of a file, over and over.

use super::json::Object;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Largest file: all of it is held in memory.
const LARGEST: u64 = 256 << 20;
/// Fields that the load test itself adds.
const OWN: [&str; 4] = ["producer", "number", "at", "key"];

/// Why a file cannot be sent. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{file}: {cause}; name a readable file of JSON objects, one a line", file = .file.display())]
    Unreadable { file: PathBuf, cause: std::io::Error },
    #[error("{file} has {bytes} bytes, more than 256 MiB; cut it", file = .file.display())]
    TooLarge { file: PathBuf, bytes: u64 },
    #[error("{file}:{line}: {message}", file = .file.display())]
    Line { file: PathBuf, line: usize, message: String },
    #[error("{file} has no lines", file = .file.display())]
    Empty { file: PathBuf },
}

/// The fields of each line, without the braces around them.
#[derive(Debug)]
pub struct Recorded(Vec<Box<[u8]>>);

impl Recorded {
    /// Reads a file of JSON objects, one a line; empty lines are passed over.
    ///
    /// # Errors
    /// [`FileError`], with the first line that is none.
    pub fn read(file: &Path) -> Result<Self, FileError> {
        let unreadable = |cause| FileError::Unreadable { file: file.to_owned(), cause };
        let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
        if bytes > LARGEST {
            return Err(FileError::TooLarge { file: file.to_owned(), bytes });
        }
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let written = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let fields = written.map(|(at, line)| {
            let told = |message| FileError::Line { file: file.to_owned(), line: at + 1, message };
            fields(line).map_err(told)
        });
        let lines: Vec<Box<[u8]>> = fields.collect::<Result<_, _>>()?;
        match lines.is_empty() {
            true => Err(FileError::Empty { file: file.to_owned() }),
            false => Ok(Self(lines)),
        }
    }

    /// Producers begin at different lines, so that all of them do not send the same.
    pub(super) fn write(&self, object: &mut Object<'_>, number: u64, producer: u32) {
        let count = (self.0.len() as u64).max(1);
        let at = number.wrapping_add(u64::from(producer).wrapping_mul(count / 16 + 1)) % count;
        if let Some(fields) = usize::try_from(at).ok().and_then(|at| self.0.get(at)) {
            object.fields(fields);
        }
    }
}

fn fields(line: &str) -> Result<Box<[u8]>, String> {
    let object: Map<String, Value> = serde_json::from_str(line)
        .map_err(|fault| format!("it is no JSON object ({fault}); write one object a line"))?;
    if let Some(taken) = OWN.iter().find(|own| object.contains_key(**own)) {
        return Err(format!("the load test writes the field {taken:?} itself; rename it"));
    }
    let inner = line.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    Ok(inner.trim().as_bytes().into())
}
