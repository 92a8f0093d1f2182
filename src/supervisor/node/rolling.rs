//! A node's workers are replaced, step by step, as its refresh says.

use super::{EndRefresh, HandedOver, Node, NotRefreshed, Phase, StartRefresh};
use crate::{
    pipeline::{Census, now_ms},
    supervisor::refresh::{Refresh, RefreshReport, RefreshStatus, Seen},
};
use std::time::Instant;

impl Node {
    /// Takes one step of a refresh; true unless a stage panicked.
    pub(super) fn roll(&mut self, mut refresh: Refresh, now: Instant) -> bool {
        let before = refresh.status();
        let seen = self.seen(&refresh, now);
        let split = refresh.step(now, now_ms(), &seen);
        let status = refresh.status();
        if before != status {
            self.tell(&refresh);
        }
        if status == RefreshStatus::RollbackInProgress && before != status {
            self.swap();
            self.refresh = Some(refresh);
            return true;
        }
        self.keep_slots_apart();
        let reconciled = match &mut self.former {
            Some(former) => former.reconcile(split.older) & self.current.reconcile(split.newer),
            None => {
                let older = self.current.tasks.census().older;
                self.current.tasks.retire_older(older.saturating_sub(split.older));
                self.current.reconcile(split.older + split.newer)
            }
        };
        if refresh.keeps_former() && (status.is_active() || self.former.is_some()) {
            self.refresh = Some(refresh);
        } else {
            self.remember(refresh.report().clone());
            if let Some(former) = self.former.take() {
                self.leave(former, None, None);
            }
        }
        reconciled
    }

    fn seen(&self, refresh: &Refresh, now: Instant) -> Seen {
        let tasks = &self.current.tasks;
        let newer = tasks.census_at(now, refresh.proof());
        let (desired, failures) = (self.desired, tasks.failures());
        match &self.former {
            Some(former) => {
                let older: Census = former.tasks.census();
                Seen {
                    desired,
                    older: older.active(),
                    older_in_service: older.in_service,
                    newer: newer.active(),
                    // Its own generations do not matter: it may be the stage of before, half refreshed.
                    proven: newer.served,
                    failures,
                }
            }
            None => Seen {
                desired,
                older: newer.older,
                older_in_service: newer.older_in_service,
                newer: newer.active() - newer.older,
                proven: newer.proven,
                failures,
            },
        }
    }

    /// The former stage takes the current one's place, and the other way round.
    fn swap(&mut self) {
        if let Some(former) = &mut self.former {
            std::mem::swap(former, &mut self.current);
            self.current.tasks.forget_failures();
        }
    }

    pub(super) fn tell(&self, refresh: &Refresh) {
        let report = refresh.report();
        let (status, reason) = (report.status, report.status_reason.as_deref().unwrap_or("as planned"));
        match status {
            RefreshStatus::Failed | RefreshStatus::RollbackInProgress | RefreshStatus::RollbackFailed => {
                tracing::warn!(node = %self.name, refresh = report.id, ?status, reason, "refresh");
            }
            _ => tracing::info!(node = %self.name, refresh = report.id, ?status, reason, "refresh"),
        }
    }

    pub(super) fn start_refresh(&mut self, asked: StartRefresh) -> Result<RefreshReport, NotRefreshed> {
        if matches!(self.phase, Phase::Draining | Phase::Drained) {
            return Err(NotRefreshed::Draining);
        }
        if !self.has_workers() {
            return Err(NotRefreshed::NoWorkers);
        }
        if let Some(refresh) = self.refresh.take_if(|refresh| !refresh.status().is_active()) {
            self.remember(refresh.report().clone());
        }
        if let Some(refresh) = &self.refresh {
            return Err(NotRefreshed::InProgress(refresh.report().id));
        }
        let settings = asked.settings.unwrap_or_else(|| self.current.terms.refresh.clone());
        let can_roll_back = self.former.is_some();
        if !can_roll_back {
            self.current.tasks.begin_generation();
        }
        self.begin_refresh(asked.because, settings, can_roll_back);
        self.latest_refresh().ok_or(NotRefreshed::None)
    }

    pub(super) fn end_refresh(&mut self, asked: &EndRefresh) -> Result<RefreshReport, NotRefreshed> {
        let refresh = self.refresh.as_mut().ok_or(NotRefreshed::None)?;
        let id = refresh.report().id;
        match asked {
            EndRefresh::Cancel if refresh.cancel_by_hand(now_ms()) => {}
            EndRefresh::Cancel => return Err(NotRefreshed::None),
            EndRefresh::RollBack => {
                let began = refresh.roll_back("it was rolled back by hand".to_owned(), Instant::now());
                began.map_err(|why| NotRefreshed::NothingToGoBackTo(id, why))?;
                self.swap();
            }
        }
        let report = refresh_report(self.refresh.as_ref());
        if let Some(refresh) = &self.refresh {
            self.tell(refresh);
        }
        report.ok_or(NotRefreshed::None)
    }

    pub(super) fn latest_refresh(&self) -> Option<RefreshReport> {
        refresh_report(self.refresh.as_ref()).or_else(|| self.refreshes.back().cloned())
    }

    /// Tells whoever waits for a handover how it went, as soon as it is known.
    pub(super) fn answer_awaited(&mut self, now: Instant) {
        let Some((_, until)) = &self.awaited else { return };
        let Some(report) = self.latest_refresh() else { return };
        let outcome = match report.status {
            RefreshStatus::Successful => HandedOver::Done { cut_off: Vec::new() },
            RefreshStatus::RollbackSuccessful | RefreshStatus::RollbackFailed => {
                HandedOver::RolledBack(report.status_reason.unwrap_or_default())
            }
            // Watched workers that fail are rolled back: only then it is known which stage stays.
            status if status.is_active() && now < *until => return,
            RefreshStatus::InProgress
            | RefreshStatus::Baking
            | RefreshStatus::RollbackInProgress
            | RefreshStatus::Failed
            | RefreshStatus::Cancelled => HandedOver::Refreshing,
        };
        if let Some((answer, _)) = self.awaited.take() {
            // Whoever waited may have gone.
            let _ = answer.send(outcome);
        }
    }
}

fn refresh_report(refresh: Option<&Refresh>) -> Option<RefreshReport> {
    refresh.map(|refresh| refresh.report().clone())
}
