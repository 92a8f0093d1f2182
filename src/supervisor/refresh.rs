//! A refresh: the workers of a pool are replaced in rolling steps. Pure: it is told what is seen and
//! says how many workers of the older and of the newer kind there should be.
//!
//! Where it ends without success, the pool stays as it is: workers of both kinds, of which each is kept up.
//! After a cancellation scale-out adds newer workers and scale-in takes older ones, which do not come back;
//! after a failure it is the other way round. Another refresh goes on from there, a rollback goes back, and
//! so does the next change of the topology.

#[cfg(test)]
mod tests;

use crate::pipeline::RefreshSettings;
use serde::Serialize;
use std::time::{Duration, Instant};

/// A refresh that gets nowhere for this long has failed.
const PATIENCE: Duration = Duration::from_secs(3600);
/// Failures of new workers without progress that are taken for chance, at least.
const CHANCE: u32 = 3;

/// Where a refresh is, as an Auto Scaling Group names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RefreshStatus {
    InProgress,
    /// Every worker is replaced; the new ones are watched for a while.
    Baking,
    Successful,
    Failed,
    Cancelled,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl RefreshStatus {
    /// Workers are being replaced, or may still be put back.
    pub fn is_active(self) -> bool {
        matches!(self, Self::InProgress | Self::Baking | Self::RollbackInProgress)
    }
}

/// What is shown of a refresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefreshReport {
    pub id: u64,
    pub status: RefreshStatus,
    /// Why it was begun.
    pub because: String,
    /// Why it has this status, when there is something to say.
    pub status_reason: Option<String>,
    pub percentage_complete: u32,
    /// Milliseconds since the epoch.
    pub started_at_ms: i64,
    pub ended_at_ms: Option<i64>,
    pub preferences: RefreshSettings,
}

/// The workers of a pool in the middle of a refresh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub desired: u32,
    /// Workers of the older kind that are pending or in service.
    pub older: u32,
    pub older_in_service: u32,
    /// Workers of the newer kind that are pending or in service.
    pub newer: u32,
    /// Workers of the newer kind that have been in service for the warm-up.
    pub proven: u32,
    /// Failures of the newer kind without any work done, since the refresh began.
    pub failures: u32,
}

/// How many workers there should be of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    pub older: u32,
    pub newer: u32,
}

/// One refresh of a pool.
#[derive(Debug)]
pub(super) struct Refresh {
    report: RefreshReport,
    /// There is an older stage to go back to.
    can_roll_back: bool,
    /// What was achieved: workers proven and workers replaced; and when it last grew.
    best: (u32, Instant),
    failures_before: u32,
    /// The next checkpoint, and until when it pauses at the one reached.
    checkpoint: usize,
    paused_until: Option<Instant>,
    baking_until: Option<Instant>,
    /// Workers of each kind that stay where it ends without success.
    kept: Split,
}

impl Refresh {
    pub(super) fn new(
        id: u64,
        settings: RefreshSettings,
        because: String,
        can_roll_back: bool,
        now: Instant,
        at_ms: i64,
    ) -> Self {
        let report = RefreshReport {
            id,
            status: RefreshStatus::InProgress,
            because,
            status_reason: None,
            percentage_complete: 0,
            started_at_ms: at_ms,
            ended_at_ms: None,
            preferences: settings,
        };
        Self {
            report,
            can_roll_back,
            best: (0, now),
            failures_before: 0,
            checkpoint: 0,
            paused_until: None,
            baking_until: None,
            kept: Split { older: 0, newer: 0 },
        }
    }

    pub(super) fn report(&self) -> &RefreshReport {
        &self.report
    }

    pub(super) fn status(&self) -> RefreshStatus {
        self.report.status
    }

    /// How long a new worker must serve to be proven.
    pub(super) fn proof(&self) -> Duration {
        match self.report.status {
            RefreshStatus::RollbackInProgress => Duration::ZERO,
            _ => self.report.preferences.warm_up.0,
        }
    }

    /// Ends it where it is. False when it had ended.
    pub(super) fn cancel(&mut self, because: &str, at_ms: i64) -> bool {
        let is_active = self.status().is_active();
        if is_active {
            self.end(RefreshStatus::Cancelled, Some(because.to_owned()), at_ms);
        }
        is_active
    }

    /// Ends it where it is, where the pool stays. False when it had ended.
    pub(super) fn cancel_by_hand(&mut self, at_ms: i64) -> bool {
        let because = format!("it was cancelled by hand{}", self.between_stages());
        self.cancel(&because, at_ms)
    }

    /// Goes back to the older workers: from the next step on these are the newer ones.
    ///
    /// # Errors
    /// Why there is nothing to go back to.
    pub(super) fn roll_back(&mut self, because: String, now: Instant) -> Result<(), &'static str> {
        match self.status() {
            _ if !self.can_roll_back => {
                Err("the workers were replaced by equal ones; there is nothing to go back to")
            }
            RefreshStatus::RollbackInProgress => Err("it is being rolled back"),
            RefreshStatus::Successful => Err("it has succeeded, and the former workers are gone"),
            RefreshStatus::RollbackSuccessful | RefreshStatus::RollbackFailed => Err("it was rolled back"),
            RefreshStatus::InProgress
            | RefreshStatus::Baking
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled => {
                self.report.status = RefreshStatus::RollbackInProgress;
                self.report.status_reason = Some(because);
                self.report.ended_at_ms = None;
                self.report.percentage_complete = 0;
                (self.best, self.failures_before) = ((0, now), 0);
                (self.paused_until, self.baking_until) = (None, None);
                self.kept = Split { older: 0, newer: 0 };
                Ok(())
            }
        }
    }

    fn end(&mut self, status: RefreshStatus, reason: Option<String>, at_ms: i64) {
        self.report.status = status;
        self.report.ended_at_ms = Some(at_ms);
        if reason.is_some() {
            self.report.status_reason = reason;
        }
    }

    /// What there is to say of a pool that stays between two stages.
    fn between_stages(&self) -> String {
        if !self.can_roll_back || self.kept.older == 0 {
            return String::new();
        }
        format!(
            "; {} workers of the former stage stay beside {} of the new one: start a refresh to go on, or roll it back",
            self.kept.older, self.kept.newer
        )
    }

    /// Workers of an older stage stay although it has ended.
    pub(super) fn keeps_former(&self) -> bool {
        match self.status() {
            RefreshStatus::InProgress
            | RefreshStatus::Baking
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Failed => true,
            RefreshStatus::Cancelled => self.kept.older > 0,
            RefreshStatus::Successful | RefreshStatus::RollbackSuccessful | RefreshStatus::RollbackFailed => {
                false
            }
        }
    }

    /// Takes in what is seen and says how many workers of each kind there should be. A failure may
    /// turn it into a rollback: then the caller swaps the kinds before the next step.
    pub(super) fn step(&mut self, now: Instant, at_ms: i64, seen: &Seen) -> Split {
        match self.status() {
            RefreshStatus::InProgress | RefreshStatus::RollbackInProgress => self.replace(now, at_ms, seen),
            RefreshStatus::Baking => self.bake(now, at_ms, seen),
            RefreshStatus::Failed => self.stay(self.kept.older, seen.desired),
            RefreshStatus::Cancelled => {
                let newer = self.kept.newer.min(seen.desired);
                self.kept.older = self.kept.older.min(seen.desired - newer);
                self.stay(self.kept.older, seen.desired)
            }
            RefreshStatus::Successful | RefreshStatus::RollbackSuccessful | RefreshStatus::RollbackFailed => {
                Split { older: 0, newer: seen.desired }
            }
        }
    }

    fn stay(&self, older: u32, desired: u32) -> Split {
        let older = older.min(desired);
        Split { older, newer: desired - older }
    }

    fn replace(&mut self, now: Instant, at_ms: i64, seen: &Seen) -> Split {
        self.note_progress(now, seen);
        if self.has_failed(now, at_ms, seen) {
            return Split { older: seen.older, newer: seen.newer };
        }
        let goal = self.goal(now, seen);
        let split = self.split(goal, seen);
        self.kept = self.stay(split.older, seen.desired);
        self.report.percentage_complete = percentage(seen.proven.min(goal), seen.desired);
        if seen.older == 0
            && seen.proven >= seen.desired
            && self.paused_until.is_none()
            && goal >= seen.desired
        {
            self.replaced(now, at_ms);
        }
        split
    }

    /// How many workers may be of the newer kind now: all, or as many as the next checkpoint allows.
    fn goal(&mut self, now: Instant, seen: &Seen) -> u32 {
        if self.status() == RefreshStatus::RollbackInProgress {
            return seen.desired;
        }
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.best.1 = now;
            self.checkpoint += 1;
        }
        let Some(share) = self.report.preferences.checkpoint_percentages.get(self.checkpoint) else {
            return seen.desired;
        };
        let goal = share_up(seen.desired, *share);
        let is_reached = seen.proven >= goal && seen.older <= seen.desired - goal;
        if is_reached && self.paused_until.is_none() {
            self.paused_until = Some(now + self.report.preferences.checkpoint_delay.0);
        }
        goal
    }

    fn split(&self, goal: u32, seen: &Seen) -> Split {
        let desired = seen.desired;
        let least = share_up(desired, self.report.preferences.min_healthy_percentage);
        let most = share_down(desired, self.report.preferences.max_healthy_percentage).max(desired);
        // Without room between the two, one more is ordered before one is let go.
        let most = most.max(least + 1);
        let newer = goal.min(most.saturating_sub(seen.older)).max(seen.newer.min(goal));
        let healthy = seen.older_in_service + seen.proven;
        let pending = seen.older.saturating_sub(seen.older_in_service);
        let removable = pending + healthy.saturating_sub(least);
        let older = seen.older.saturating_sub(removable).max(desired - goal.min(desired)).min(seen.older);
        Split { older, newer }
    }

    fn note_progress(&mut self, now: Instant, seen: &Seen) {
        let achieved = seen.proven.saturating_add(seen.desired.saturating_sub(seen.older));
        if achieved > self.best.0 {
            self.best = (achieved, now);
            self.failures_before = seen.failures;
        }
    }

    /// True when the new workers fail, or nothing has come forward for too long.
    fn has_failed(&mut self, now: Instant, at_ms: i64, seen: &Seen) -> bool {
        let kept = self.stay(seen.older, seen.desired);
        let failures = seen.failures.saturating_sub(self.failures_before);
        let waits = self.paused_until.is_some();
        let reason = if failures >= CHANCE.max(seen.desired / 2) {
            format!("{failures} new workers failed before any work was done")
        } else if !waits && now.saturating_duration_since(self.best.1) > PATIENCE {
            format!("nothing has come forward for {} s", PATIENCE.as_secs())
        } else {
            return false;
        };
        if self.status() == RefreshStatus::RollbackInProgress {
            self.end(RefreshStatus::RollbackFailed, Some(reason), at_ms);
        } else if self.can_roll_back && self.report.preferences.auto_rollback {
            // It can, and it is not rolled back yet.
            let _ = self.roll_back(reason, now);
        } else {
            self.kept = kept;
            let reason = reason + &self.between_stages();
            self.end(RefreshStatus::Failed, Some(reason), at_ms);
        }
        true
    }

    fn replaced(&mut self, now: Instant, at_ms: i64) {
        self.report.percentage_complete = 100;
        let bake_time = self.report.preferences.bake_time.0;
        if self.status() == RefreshStatus::RollbackInProgress {
            self.end(RefreshStatus::RollbackSuccessful, None, at_ms);
        } else if bake_time.is_zero() {
            self.end(RefreshStatus::Successful, None, at_ms);
        } else {
            self.report.status = RefreshStatus::Baking;
            self.baking_until = Some(now + bake_time);
        }
    }

    fn bake(&mut self, now: Instant, at_ms: i64, seen: &Seen) -> Split {
        let split = Split { older: 0, newer: seen.desired };
        if !self.has_failed(now, at_ms, seen) && self.baking_until.is_none_or(|until| until <= now) {
            self.end(RefreshStatus::Successful, None, at_ms);
        }
        split
    }
}

fn share_up(of: u32, percentage: u32) -> u32 {
    let share = (u64::from(of) * u64::from(percentage)).div_ceil(100);
    u32::try_from(share).unwrap_or(u32::MAX).min(of)
}

fn share_down(of: u32, percentage: u32) -> u32 {
    u32::try_from(u64::from(of) * u64::from(percentage) / 100).unwrap_or(u32::MAX)
}

fn percentage(part: u32, whole: u32) -> u32 {
    let share = (u64::from(part) * 100).checked_div(u64::from(whole)).unwrap_or(100);
    u32::try_from(share).unwrap_or(100).min(100)
}
