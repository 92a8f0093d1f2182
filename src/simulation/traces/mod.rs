//! Loads to rehearse with: named, random, or from a file.

mod file;
mod generator;
mod named;
mod prometheus;
mod random;
mod smooth;
#[cfg(test)]
mod tests;
mod trace;

pub use file::{TraceError, read};
pub use named::{NAMES, named};
pub use random::random;
pub use trace::Trace;
