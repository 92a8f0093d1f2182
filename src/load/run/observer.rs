//! How a run is begun, and who looks on.

use crate::load::{arrivals::Factors, outcome::Sample};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::mpsc;

/// What a run is told beside its scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The topology of the daemon to start, instead of the scenario's.
    pub topology: Option<PathBuf>,
    /// The data folder of that daemon; it is kept. Default: one for this run, removed after it.
    pub data: Option<PathBuf>,
    pub factors: Factors,
}

impl Default for Options {
    fn default() -> Self {
        Self { topology: None, data: None, factors: Factors::AS_WRITTEN }
    }
}

/// Who looks on, and may stop the run.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    progress: Option<mpsc::Sender<Progress>>,
    is_stopped: Arc<AtomicBool>,
}

/// What a run is at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// The daemon is started.
    #[default]
    Starting,
    Driving,
    /// The stages are over; what is on its way is waited for, then looked for.
    Proving,
}

/// A second of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    pub phase: Phase,
    /// The stage that is planned now.
    pub stage: String,
    /// Since the run began, in seconds.
    pub second: f64,
    /// How long all stages take together, in seconds.
    pub length: f64,
    pub sample: Sample,
}

impl Observer {
    /// Tells its progress each second; a second that finds no room is left out, so that nobody who looks on
    /// delays the run.
    pub fn new(progress: mpsc::Sender<Progress>) -> Self {
        Self { progress: Some(progress), ..Self::default() }
    }

    /// Ends the stages within a second; what was sent is still proven. May be called from anywhere.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    pub(super) fn tell(&self, progress: Progress) {
        if let Some(sender) = &self.progress {
            // It is full, or nobody looks on any more.
            let _ = sender.try_send(progress);
        }
    }
}
