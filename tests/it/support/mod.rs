//! What the tests stand on: the daemon as a process, a client, generated trips, readers of their own.

pub mod aws;
mod daemon;
mod http;
pub mod http2;
mod ledger;
mod pools;
mod processes;
mod queues;
mod server;
mod stored;
mod trips;

pub use aws::AWS_TOPOLOGY;
pub use daemon::{Bench, Daemon, Health, PATIENCE, placements};
pub use http::{Answer, Client};
pub use ledger::{Ledger, trip_id};
pub use pools::{KEPT, pool_of_jobs};
pub use processes::Process;
pub use queues::{ask_queues, make_queue, queue_depth, queue_url, try_queues};
pub use server::WorkServer;
pub use stored::{Table, files_below, raw_lines};
pub use trips::{Trip, Trips, array, lines, number_from_environment};
