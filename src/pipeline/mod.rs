//! The data plane: one folder for each kind of node; each opens at `stage.rs`.

pub mod catalog;
pub mod http_server;
pub mod ingress;
pub mod object_stores;
pub mod process_files;
pub mod queue;
pub mod raw;
pub mod rules;
pub mod stream;
pub mod warehouse;
pub mod workers;

mod clock;
mod context;
mod link;
mod origin;
mod random_id;
mod refresh;
mod scale;
mod source;
mod stage;
mod target;
mod tasks;
mod writers;

pub use clock::now_ms;
pub use context::Context;
pub use link::{Closed, Inlet, Outlet, Received, link};
pub use origin::Origin;
pub use random_id::{random_uuid, uuid_of};
pub use refresh::{RefreshFault, RefreshSettings};
pub use scale::{
    Adjustment, Metric, PredictivePolicy, Scale, ScaleMode, ScalePolicy, ScheduleError, ScheduledPolicy,
    Step, StepPolicy, TargetTrackingPolicy, Times, UtilisationPolicy, WriterScale,
};
pub use source::{FilteredSource, Source};
pub use stage::{Capacity, Kind, Observation, Stage, Tally};
pub use target::{Outgoing, Target, Unfit, random_key};
pub use tasks::{
    Busy, Census, Pulse, RestartTerms, Retire, TaskError, TaskExit, Tasks, WorkerReport, WorkerState,
    WorkerTerms, panic_message,
};
pub use writers::{Writers, WritersSeen, Writing};
