//! Printing to standard output.

use crate::error::Failure;
use std::io::{self, Write};

/// Prints the text; that the reader has gone (`caudal graph FILE | head`) is no failure.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::fault("writing to standard output", error))
        }
        _ => Ok(()),
    }
}

/// Columns of a terminal that does not tell its own.
const WIDTH: usize = 100;

/// Columns of the terminal, as shells tell it.
pub(super) fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH)
}
