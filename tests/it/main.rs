//! One test binary: what Caudal promises, tried from outside.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect fails"
)]

mod answers;
mod aws_connections;
mod aws_endpoint;
mod aws_http2;
mod aws_malformed;
mod decisions;
mod end_to_end;
mod house_rules;
mod kill_chaos;
mod load;
mod many_nodes;
mod many_shards;
mod process_workers;
mod queue_kills;
mod refreshing;
mod reload;
mod scaling;
mod sizes;
mod slow_senders;
mod support;
mod topology;
mod worker_chaos;
