//! A node's stage is handed over to another one.

use super::{BuiltNode, HandedOver, Node, RefreshReport, Version};
use crate::{
    pipeline::{RefreshSettings, now_ms},
    supervisor::{change::Handover, refresh::Refresh, terms::NodeTerms},
};
use std::time::Instant;
use tokio::sync::oneshot;

/// A stage that finishes what it holds.
pub(super) struct Leaving {
    pub version: Version,
    /// When it is cut off; never, if it only finishes its last deliveries.
    until: Option<Instant>,
    cut_off: Vec<String>,
    answer: Option<oneshot::Sender<HandedOver>>,
}

/// A stage that starts when the current one has ended.
pub(super) struct Next {
    version: Version,
    pub desired: u32,
    until: Instant,
    cut_off: Option<Vec<String>>,
    answer: Option<oneshot::Sender<HandedOver>>,
}

impl Next {
    /// What it waits for was cut off and does not end.
    pub(super) fn is_stuck(&self) -> bool {
        self.cut_off.is_some()
    }
}

impl Node {
    /// Begins a handover. Any that is under way ends where it is.
    pub(super) fn succeed(&mut self, built: BuiltNode, until: Instant) -> oneshot::Receiver<HandedOver> {
        let (answer, handed_over) = oneshot::channel();
        let tasks = self.current.tasks.successor();
        let version = Version::new(built.stage, tasks, self.tasks_on.clone(), built.metrics, built.terms)
            .defined_as(built.definition);
        if built.handover == Handover::Rolling && self.goes_over_to(built.definition) {
            self.go_on(version.terms.clone(), until, answer);
            return handed_over;
        }
        self.supersede();
        let is_pool_as_before = version.is_pool() && self.current.is_pool();
        let desired = if is_pool_as_before { self.desired } else { version.first_capacity() };
        tracing::info!(node = %self.name, handover = ?built.handover, "a node is replaced");
        match built.handover {
            Handover::Sequential => {
                self.current.drain();
                let answer = Some(answer);
                self.next = Some(Next { version, desired, until, cut_off: None, answer });
            }
            Handover::Overlap => {
                let old = std::mem::replace(&mut self.current, version);
                self.desired = desired;
                self.reconcile(Instant::now());
                self.leave(old, Some(until), Some(answer));
            }
            Handover::Rolling => {
                self.desired = desired;
                self.former = Some(std::mem::replace(&mut self.current, version));
                let settings = self.current.terms.refresh.clone();
                self.begin_refresh("the topology changed".to_owned(), settings, true);
                self.awaited = Some((answer, until));
            }
        }
        handed_over
    }

    /// Its workers are of that definition, or are being replaced by such.
    fn goes_over_to(&self, definition: u64) -> bool {
        let is_ended = self.refresh.is_none() && self.former.is_none();
        let goes_on = self.refresh.as_ref().is_some_and(|refresh| refresh.status().is_active());
        self.current.definition == definition && definition > 0 && (is_ended || goes_on)
    }

    /// What is asked for was asked for before: nothing is replaced twice.
    fn go_on(&mut self, terms: NodeTerms, until: Instant, answer: oneshot::Sender<HandedOver>) {
        self.current.set_terms(terms);
        if self.refresh.is_some() {
            tracing::info!(node = %self.name, "the workers are being replaced by such as are wanted already");
            self.awaited = Some((answer, until));
        } else {
            // Whoever waited may have gone.
            let _ = answer.send(HandedOver::Done { cut_off: Vec::new() });
        }
    }

    /// Lets a stage finish what it holds.
    pub(super) fn leave(
        &mut self,
        mut version: Version,
        until: Option<Instant>,
        answer: Option<oneshot::Sender<HandedOver>>,
    ) {
        version.drain();
        self.leaving.push(Leaving { version, until, cut_off: Vec::new(), answer });
    }

    /// Ends what is under way, for another handover: what waited to start never does.
    fn supersede(&mut self) {
        if let Some(mut refresh) = self.refresh.take() {
            if refresh.cancel("another change came", now_ms()) {
                self.tell(&refresh);
            }
            self.remember(refresh.report().clone());
        }
        if let Some(former) = self.former.take() {
            self.leave(former, None, None);
        }
        (self.next, self.awaited) = (None, None);
    }

    /// Nothing new starts any more.
    pub(super) fn give_up_succession(&mut self) {
        self.next = None;
        self.awaited = None;
        if let Some(refresh) = &mut self.refresh {
            refresh.cancel("the node drains", now_ms());
        }
    }

    /// Starts the next stage once the current one has ended.
    pub(super) fn pass_on(&mut self, now: Instant) {
        let Some(next) = &mut self.next else { return };
        if !self.current.has_ended() {
            if now >= next.until && next.cut_off.is_none() {
                let cut_off = self.current.alive();
                tracing::warn!(node = %self.name, tasks = cut_off.join(", "), "cut off: they did not drain in time");
                self.current.tasks.abort_all();
                next.cut_off = Some(cut_off);
            }
            return;
        }
        let Some(next) = self.next.take() else { return };
        self.desired = next.desired;
        let old = std::mem::replace(&mut self.current, next.version);
        self.carry(old);
        if let Some(answer) = next.answer {
            // Whoever waited may have gone.
            let _ = answer.send(HandedOver::Done { cut_off: next.cut_off.unwrap_or_default() });
        }
    }

    /// Cuts off what leaves too slowly, and forgets what has left.
    pub(super) fn see_off(&mut self, now: Instant) {
        let mut place = 0;
        while let Some(leaving) = self.leaving.get_mut(place) {
            if !leaving.version.has_ended() {
                if leaving.until.is_some_and(|until| until <= now) && leaving.cut_off.is_empty() {
                    leaving.cut_off = leaving.version.alive();
                    leaving.version.tasks.abort_all();
                }
                place += 1;
                continue;
            }
            let gone = self.leaving.remove(place);
            if let Some(answer) = gone.answer {
                // Whoever waited may have gone.
                let _ = answer.send(HandedOver::Done { cut_off: gone.cut_off });
            }
            self.carry(gone.version);
        }
    }

    pub(super) fn begin_refresh(&mut self, because: String, settings: RefreshSettings, can_roll_back: bool) {
        self.refresh_ids += 1;
        self.current.tasks.forget_failures();
        let (now, at_ms) = (Instant::now(), now_ms());
        tracing::info!(node = %self.name, refresh = self.refresh_ids, because, "the workers are being replaced");
        self.refresh = Some(Refresh::new(self.refresh_ids, settings, because, can_roll_back, now, at_ms));
    }

    pub(super) fn remember(&mut self, report: RefreshReport) {
        self.refreshes.push_back(report);
        while self.refreshes.len() > super::REMEMBERED {
            self.refreshes.pop_front();
        }
    }
}
