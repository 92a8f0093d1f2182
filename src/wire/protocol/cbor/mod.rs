//! CBOR 1.1, the default of the Java SDKs. AWS tells timestamps by whole milliseconds under tag 1,
//! where RFC 8949 has seconds; fractions there are read as seconds.

mod item;
mod reader;
mod writer;

pub(super) use reader::read;
pub(super) use writer::{write, write_row};
