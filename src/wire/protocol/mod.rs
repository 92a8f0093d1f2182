//! The protocols of AWS: requests read by the shape of their operation, answers written from a tree.

mod blob;
mod budget;
mod cbor;
mod constraints;
pub(in crate::wire) mod decimal;
mod error;
pub mod event_stream;
mod input;
mod json;
mod missing;
mod output;
mod pattern;
mod pieces;
pub mod query;
mod rendering;
mod reply;
mod rows;
mod scalar;
mod shape;
mod sink;
#[cfg(test)]
mod tests;
mod timestamp;

pub use error::ServiceError;
pub use input::{Input, Value};
pub use missing::first_missing;
pub use output::{Content, Output};
pub use pattern::Pattern;
pub use pieces::{PIECE, Pieces};
pub use query::{Form, Query};
pub use reply::{Event, Protocol, Reply};
pub(in crate::wire) use rows::name;
pub use rows::{Name, Row, Rows, Tell};
pub use shape::{Length, List, Map, Member, QueryName, Range, Shape, Structure, Text};
pub use timestamp::Timestamp;
