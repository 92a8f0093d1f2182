//! Caudal: one daemon, wired by one topology file, from HTTP to raw store and warehouse.
//!
//! ```text
//!  HTTP ─▶ ingress ─▶ stream (shards) ─┬─▶ raw objects
//!                                      ├─▶ loader (SQL rules) ─▶ warehouse
//!                                      └─▶ queue ─▶ workers ─▶ stream / queue / raw / loader
//! ```
//!
//! Imports go one way: `cli → load → query → topology → simulation → supervisor → wire → pipeline → storage → telemetry`.

pub mod cli;
pub mod error;
pub mod load;
pub mod pipeline;
pub mod query;
pub mod settings;
pub mod simulation;
pub mod storage;
pub mod supervisor;
pub mod telemetry;
pub mod topology;
pub mod units;
pub mod wire;
