//! Programs of all kinds against a real store.

mod answering;
mod bench;
mod ending;
mod misbehaving;
mod protocol;
mod pulling;
