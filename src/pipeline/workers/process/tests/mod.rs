//! Programs of all kinds against a real store.

mod answering;
mod bench;
mod ending;
mod examples;
mod misbehaving;
mod protocol;
mod pulling;
