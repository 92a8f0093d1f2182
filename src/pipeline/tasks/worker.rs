//! A worker as its pool sees it: identity, state, and why it left.

use super::pulse::{Vital, WorkerTerms};
use crate::pipeline::now_ms;
use serde::Serialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Where a worker is in its life, as an Auto Scaling Group names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum WorkerState {
    /// Started, and not yet able to work.
    Pending,
    InService,
    /// Told to end: it finishes or hands back what it holds.
    Draining,
    /// It has ended.
    Terminated,
}

/// What is shown of one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerReport {
    /// Unique in its node since the process started.
    pub id: u64,
    /// Its slot, which names its durable tally.
    pub key: String,
    pub state: WorkerState,
    /// It works on deliveries: protected from scale-in.
    pub busy: bool,
    /// How many deliveries it works on.
    pub deliveries: u64,
    /// Raised by each refresh of its pool.
    pub generation: u64,
    /// Milliseconds since the epoch.
    pub started_at_ms: i64,
    /// Its last sign of life, milliseconds since the epoch.
    pub last_beat_at_ms: i64,
    /// Failures of its slot in a row before it was started.
    pub restarts: u32,
    /// Why it drains or has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// Why a worker was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    ScaledIn,
    ByHand,
    Refreshed,
    NodeDrains,
}

impl Leaving {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::ScaledIn => "the pool scaled in",
            Self::ByHand => "it was terminated by hand",
            Self::Refreshed => "it was replaced by a refresh",
            Self::NodeDrains => "its node drains",
        }
    }
}

/// What a running task knows when it is a worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub id: u64,
    pub generation: u64,
    pub terms: WorkerTerms,
    pub vital: Arc<Vital>,
    pub started_at_ms: i64,
    pub restarts: u32,
    pub leaving: Option<Leaving>,
    /// When it was cut off, and why.
    pub cut_off: Option<(Instant, String)>,
}

impl Worker {
    pub(super) fn state(&self) -> WorkerState {
        if self.leaving.is_some() || self.cut_off.is_some() {
            WorkerState::Draining
        } else if self.vital.is_in_service() {
            WorkerState::InService
        } else {
            WorkerState::Pending
        }
    }

    /// It keeps its place in the pool: when it was cut off, for the one that is started in its slot.
    pub(super) fn has_place(&self) -> bool {
        self.leaving.is_none()
    }

    /// It works, or will.
    pub(super) fn is_active(&self) -> bool {
        self.leaving.is_none() && self.cut_off.is_none()
    }

    /// When it has to be cut off if nothing is heard of it until then; a worker that waits for work
    /// has no such time.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        if self.cut_off.is_some() {
            return None;
        }
        if self.vital.is_busy() {
            return self.vital.last_beat().checked_add(self.terms.heartbeat);
        }
        let is_pending = self.leaving.is_none() && !self.vital.is_in_service();
        if is_pending { self.vital.began().checked_add(self.terms.warm_up) } else { None }
    }

    /// Why it is cut off, once it is overdue.
    pub(super) fn overdue(&self, now: Instant) -> Option<String> {
        self.overdue_at().filter(|at| *at <= now)?;
        Some(if self.vital.is_busy() {
            format!(
                "no heartbeat for {} while busy with {} deliveries",
                seconds(now.saturating_duration_since(self.vital.last_beat())),
                self.vital.deliveries()
            )
        } else {
            format!("not in service {} after its start", seconds(self.terms.warm_up))
        })
    }

    pub(super) fn report(&self, key: &str) -> WorkerReport {
        let since = self.vital.last_beat().saturating_duration_since(self.vital.began());
        let leaving = self.leaving.map(|leaving| leaving.sentence().to_owned());
        WorkerReport {
            id: self.id,
            key: key.to_owned(),
            state: self.state(),
            busy: self.vital.is_busy(),
            deliveries: self.vital.deliveries(),
            generation: self.generation,
            started_at_ms: self.started_at_ms,
            last_beat_at_ms: self
                .started_at_ms
                .saturating_add(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            restarts: self.restarts,
            because: self.cut_off.as_ref().map(|(_, why)| why.clone()).or(leaving),
        }
    }

    pub(super) fn begin(id: u64, generation: u64, terms: WorkerTerms, vital: Arc<Vital>) -> Self {
        Self {
            id,
            generation,
            terms,
            vital,
            started_at_ms: now_ms(),
            restarts: 0,
            leaving: None,
            cut_off: None,
        }
    }
}

fn seconds(length: Duration) -> String {
    format!("{:.1} s", length.as_secs_f64())
}
