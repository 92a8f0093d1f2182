//! JSON 1.1: requests read while they are parsed, answers written in one pass.

mod plain;
mod reader;
mod writer;

use super::{Input, Structure, scalar::Mismatch};

pub(super) use writer::{write, write_row};

/// Reads a body: as clients write it if it is so, else by all that JSON allows.
///
/// # Errors
/// See [`reader::read`].
pub(super) fn read(shape: &'static Structure, body: &[u8]) -> Result<Input, Option<Mismatch>> {
    plain::read(shape, body).map_or_else(|| reader::read(shape, body), Ok)
}
