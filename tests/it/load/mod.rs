//! Load tests as a process: a daemon of their own, faults that are really done, and a proof that finds
//! what is missing.

mod dead_letters;
mod ending;
mod faults;
mod protocols;
mod proving;
mod scenarios;
mod stand;

use stand::Stand;
