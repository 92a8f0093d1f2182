//! JSON 1.1: requests read while they are parsed, answers written in one pass.

mod reader;
mod writer;

pub(super) use reader::read;
pub(super) use writer::write;
