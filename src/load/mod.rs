//! Load tests: a scenario drives a daemon or an emulator, and what it sent is proven from where it arrived.
//!
//! ```text
//!  scenario ─▶ arrivals ─▶ driver ─▶ target (HTTP, Kinesis, SQS)
//!                            │ ledger: what was sent, and what was answered
//!  faults, watch ────────────┤
//!                            ▼
//!  proof (raw, warehouse, quarantine, dead letters) ─▶ outcome ─▶ thresholds, report
//! ```

pub mod admin;
pub mod arrivals;
pub mod aws_endpoint;
pub mod daemon;
pub mod driver;
pub mod faults;
pub mod figure;
pub mod find_max;
pub mod ledger;
pub mod live;
pub mod outcome;
pub mod proof;
pub mod records;
pub mod report;
pub mod run;
pub mod scenario;
pub mod sink;
pub mod target;
pub mod thresholds;
pub mod watch;
