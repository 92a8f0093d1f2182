//! Loads into real tables in temporary folders, read back by the engine.

mod bench;
mod damage;
mod fitting;
mod following;
mod lanes;
mod loading;
