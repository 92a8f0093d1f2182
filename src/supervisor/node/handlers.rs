//! The node's answers.

use super::{
    Abort, Drain, End, EndRefresh, HandedOver, Node, NotRefreshed, Observe, Phase, Replace, Resize, SetTerms,
    StartRefresh, Terminate,
};
use crate::supervisor::refresh::RefreshReport;
use actix::prelude::*;
use std::time::Instant;

impl Handler<Observe> for Node {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        self.observe();
        MessageResult(self.report())
    }
}

impl Handler<Resize> for Node {
    type Result = ();

    fn handle(&mut self, Resize(desired): Resize, _: &mut Self::Context) {
        self.desired = desired.0;
        if let Some(next) = &mut self.next {
            next.desired = desired.0;
        }
        if matches!(self.phase, Phase::Starting | Phase::Running) {
            self.reconcile(Instant::now());
            self.hurry();
        }
    }
}

impl Handler<SetTerms> for Node {
    type Result = ();

    fn handle(&mut self, SetTerms { terms, revision }: SetTerms, _: &mut Self::Context) {
        self.revision = revision;
        self.current.set_terms(terms);
        self.hurry();
    }
}

impl Handler<Drain> for Node {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Self::Result {
        if matches!(self.phase, Phase::Starting | Phase::Running) {
            self.phase = Phase::Draining;
            let alive: usize = self.versions().map(|version| version.tasks.alive().count()).sum();
            tracing::info!(node = %self.name, tasks = alive, "node drains");
            self.give_up_succession();
            self.versions_mut().for_each(|version| version.drain());
            self.tick();
            self.hurry();
        }
        let mut drained = self.drained.subscribe();
        Box::pin(async move {
            // A switch that has gone means the actor has ended, and its tasks with it.
            let _ = drained.wait_for(|drained| *drained).await;
        })
    }
}

impl Handler<Abort> for Node {
    type Result = MessageResult<Abort>;

    fn handle(&mut self, _: Abort, _: &mut Self::Context) -> Self::Result {
        self.phase = Phase::Draining;
        self.give_up_succession();
        let alive = self.versions().flat_map(|version| version.alive()).collect();
        self.versions_mut().for_each(|version| version.tasks.abort_all());
        MessageResult(alive)
    }
}

impl Handler<Replace> for Node {
    type Result = ResponseFuture<HandedOver>;

    fn handle(&mut self, asked: Replace, _: &mut Self::Context) -> Self::Result {
        let Replace { built, until, revision } = asked;
        if matches!(self.phase, Phase::Draining | Phase::Drained) {
            return Box::pin(std::future::ready(HandedOver::Refused));
        }
        self.revision = revision;
        let handed_over = self.succeed(built, until);
        self.hurry();
        // A sender that has gone is a node that drains.
        Box::pin(async move { handed_over.await.unwrap_or(HandedOver::Refused) })
    }
}

impl Handler<Terminate> for Node {
    type Result = bool;

    fn handle(&mut self, Terminate(id): Terminate, _: &mut Self::Context) -> bool {
        let found = self.versions_mut().any(|version| version.tasks.terminate(id));
        if found {
            self.hurry();
        }
        found
    }
}

impl Handler<StartRefresh> for Node {
    type Result = Result<RefreshReport, NotRefreshed>;

    fn handle(&mut self, asked: StartRefresh, _: &mut Self::Context) -> Self::Result {
        let started = self.start_refresh(asked);
        self.hurry();
        started
    }
}

impl Handler<EndRefresh> for Node {
    type Result = Result<RefreshReport, NotRefreshed>;

    fn handle(&mut self, asked: EndRefresh, _: &mut Self::Context) -> Self::Result {
        let ended = self.end_refresh(&asked);
        self.hurry();
        ended
    }
}

impl Handler<End> for Node {
    type Result = ();

    fn handle(&mut self, _: End, context: &mut Self::Context) {
        context.stop();
    }
}

impl Node {
    /// The next tick comes at once, so that the time to sleep is reckoned anew.
    fn hurry(&self) {
        self.current.tasks.wake().notify_one();
    }
}
