//! The history of a pool: every decision and replacement, with its reason and how it went.

#[cfg(test)]
mod tests;

use super::policy::Decision;
use crate::pipeline::Observation;
use serde::{Deserialize, Serialize, Serializer};
use std::{
    collections::{VecDeque, vec_deque},
    sync::Arc,
};

/// Activities remembered for each pool.
const REMEMBERED: usize = 100;
/// Replacements of failed workers within this time are one activity, milliseconds.
const GATHERED_MS: i64 = 60_000;

/// What brought an activity about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The pool's policies, or the bounds between which they decide.
    Policy,
    /// A time has come that a schedule names.
    Schedule,
    /// The policies, of a pool that only observes: nothing was changed.
    ObserveOnly,
    /// By hand, through the admin server.
    Manual,
    /// The workers were replaced in rolling steps.
    Refresh,
    /// Workers failed and were started again.
    Unhealthy,
    /// The topology changed the pool's bounds.
    Topology,
}

/// How an activity went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActivityStatus {
    /// Workers are being started or drain.
    InProgress,
    Successful,
    Failed,
    /// Another one came before it was done.
    Cancelled,
    /// It was only told.
    Observed,
}

/// One entry of a pool's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    pub ended_at_ms: Option<i64>,
    /// Desired workers before and after.
    pub from: u32,
    pub to: u32,
    pub because: String,
    pub status: ActivityStatus,
    pub cause: Cause,
    /// Who decided, where policies were asked: a policy by its name in the topology, `bounds`, `source` (which
    /// cannot use more) or `work` (which waits without a worker).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// How many workers it replaced.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replaced: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(replaced: &u64) -> bool {
    *replaced == 0
}

/// The latest activities of a pool, oldest first; cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "VecDeque<Activity>")]
pub struct Activities(Arc<VecDeque<Activity>>);

impl From<VecDeque<Activity>> for Activities {
    fn from(oldest_first: VecDeque<Activity>) -> Self {
        Self(Arc::new(oldest_first))
    }
}

impl Serialize for Activities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl Activities {
    pub fn iter(&self) -> vec_deque::Iter<'_, Activity> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An order to the pool. One that was in progress is over.
    pub(super) fn scaled(&mut self, at_ms: i64, from: u32, decision: Decision, cause: Cause) {
        let is_of_policies = matches!(cause, Cause::Policy | Cause::Schedule | Cause::ObserveOnly);
        let policy = is_of_policies.then(|| decision.by.to_owned());
        let (to, because) = (decision.to.0, decision.because);
        let is_told = cause == Cause::ObserveOnly;
        let status = if is_told { ActivityStatus::Observed } else { ActivityStatus::InProgress };
        let ended_at_ms = is_told.then_some(at_ms);
        if !is_told {
            self.supersede(at_ms);
        }
        self.push(Activity { at_ms, ended_at_ms, from, to, because, status, cause, policy, replaced: 0 });
    }

    fn supersede(&mut self, at_ms: i64) {
        let all = Arc::make_mut(&mut self.0).iter_mut();
        let open = all.filter(|one| one.status == ActivityStatus::InProgress && one.cause != Cause::Refresh);
        for one in open {
            (one.status, one.ended_at_ms) = (ActivityStatus::Cancelled, Some(at_ms));
        }
    }

    /// Something that happened to a pool that stays as large as it is.
    pub(super) fn happened(
        &mut self,
        at_ms: i64,
        size: u32,
        because: String,
        cause: Cause,
        status: ActivityStatus,
    ) {
        let ended_at_ms = (status != ActivityStatus::InProgress).then_some(at_ms);
        let (from, to, policy) = (size, size, None);
        self.push(Activity { at_ms, ended_at_ms, from, to, because, status, cause, policy, replaced: 0 });
    }

    /// Workers failed and were started again. Those of one minute are one activity.
    pub(super) fn replaced(&mut self, at_ms: i64, size: u32, workers: u64, last_error: &str) {
        let latest = self.0.back().filter(|one| one.cause == Cause::Unhealthy);
        let before = latest.filter(|one| at_ms.saturating_sub(one.at_ms) < GATHERED_MS);
        let (began, replaced) = before.map_or((at_ms, workers), |one| (one.at_ms, one.replaced + workers));
        let because = format!(
            "{replaced} {} failed and {} replaced; the latest: {last_error}",
            if replaced == 1 { "worker" } else { "workers" },
            if replaced == 1 { "was" } else { "were" },
        );
        if before.is_some() {
            Arc::make_mut(&mut self.0).pop_back();
        }
        self.push(Activity {
            at_ms: began,
            ended_at_ms: Some(at_ms),
            from: size,
            to: size,
            because,
            status: ActivityStatus::Successful,
            cause: Cause::Unhealthy,
            policy: None,
            replaced,
        });
    }

    /// Ends the orders that have been carried out.
    pub(super) fn settle(&mut self, at_ms: i64, seen: &Observation) {
        let is_done = |one: &Activity| {
            let grew = seen.in_service >= one.to;
            let shrank = seen.in_service + seen.pending <= one.to && seen.draining == 0;
            let is_order = !matches!(one.cause, Cause::ObserveOnly | Cause::Refresh | Cause::Unhealthy);
            is_order
                && one.status == ActivityStatus::InProgress
                && (if one.to > one.from { grew } else { shrank })
        };
        if !self.0.iter().any(is_done) {
            return;
        }
        for one in Arc::make_mut(&mut self.0).iter_mut().filter(|one| is_done(one)) {
            (one.status, one.ended_at_ms) = (ActivityStatus::Successful, Some(at_ms));
        }
    }

    /// Ends the refresh that is in progress.
    pub(super) fn refreshed(&mut self, at_ms: i64, status: ActivityStatus, because: &str) {
        let all = Arc::make_mut(&mut self.0);
        let mut open = all.iter_mut().rev().filter(|one| one.status == ActivityStatus::InProgress);
        if let Some(one) = open.find(|one| one.cause == Cause::Refresh) {
            (one.status, one.ended_at_ms) = (status, Some(at_ms));
            one.because = format!("{}; {because}", one.because);
        }
    }

    /// What was kept of an earlier run: nothing of it is in progress any more.
    pub(super) fn recalled(mut self) -> Self {
        for one in Arc::make_mut(&mut self.0) {
            if one.status == ActivityStatus::InProgress {
                one.status = ActivityStatus::Cancelled;
            }
        }
        self
    }

    fn push(&mut self, activity: Activity) {
        let all = Arc::make_mut(&mut self.0);
        all.push_back(activity);
        while all.len() > REMEMBERED {
            all.pop_front();
        }
    }
}
