//! What happened since the books were last read.

use crate::load::outcome::Totals;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The book of a producer, or of the planner.
#[derive(Debug, Default)]
pub(super) struct Book(Mutex<Page>);

/// What was written since the last reading.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub stages: BTreeMap<u32, Totals>,
    /// Of accepted records: stage and microseconds from the planned time.
    pub latencies: Vec<(u32, u32)>,
}

impl Page {
    pub(super) fn stage(&mut self, stage: u32) -> &mut Totals {
        self.stages.entry(stage).or_default()
    }

    pub(super) fn accept(&mut self, stage: u32, latency: Duration) {
        self.stage(stage).accepted += 1;
        self.latencies.push((stage, u32::try_from(latency.as_micros()).unwrap_or(u32::MAX)));
    }
}

impl Book {
    /// Writes into it.
    pub(super) fn write(&self, write: impl FnOnce(&mut Page)) {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Tears the page out.
    pub(super) fn take(&self) -> Page {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
