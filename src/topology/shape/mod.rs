//! Whether values have the shape that the schema asks for.

mod examine;
mod kinds;
mod tagged;

pub use examine::{Shaped, examine};
pub(super) use kinds::{alternatives, required, types};
