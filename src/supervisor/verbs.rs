//! Verbs for pools, as the supervisor carries them out.

use super::{
    health::Phase,
    member::Member,
    node::{EndRefresh, NotRefreshed, StartRefresh, Terminate},
    orders::{Done, Order, PoolVerb, Refused},
    policy::Moment,
    refresh::RefreshReport,
    supervisor::Supervisor,
};
use crate::pipeline::RefreshSettings;
use actix::prelude::*;
use futures::future::{BoxFuture, FutureExt, ready};
use std::sync::Arc;

type Answer = BoxFuture<'static, Result<Done, Refused>>;

impl Handler<Order> for Supervisor {
    type Result = ();

    fn handle(&mut self, order: Order, context: &mut Self::Context) {
        match order {
            Order::Apply(change, answer) => self.apply(change, answer, context),
            Order::Pool { name, verb, answer } => {
                let terminated = if let PoolVerb::Terminate(id) = verb { Some(id) } else { None };
                let done = self.carry_out(&name, verb).into_actor(self);
                context.spawn(done.map(move |done, supervisor, _| {
                    if let (Ok(_), Some(id)) = (&done, terminated) {
                        supervisor.note_terminated(&name, id);
                    }
                    // Whoever asked may have gone.
                    let _ = answer.send(done);
                }));
            }
        }
    }
}

impl Supervisor {
    fn carry_out(&mut self, name: &str, verb: PoolVerb) -> Answer {
        if matches!(self.phase, Phase::Draining | Phase::Drained) {
            return refused(Refused::NotRunning("draining"));
        }
        let pools = || self.members.iter().filter(|member| member.pool.is_some());
        let pools: Vec<String> = pools().map(|member| member.name.to_string()).collect();
        let Some(member) = self.member(name).filter(|member| member.pool.is_some()) else {
            return refused(Refused::NoPool { name: name.to_owned(), pools });
        };
        member.carry_out(verb)
    }

    fn note_terminated(&mut self, name: &str, id: u64) {
        if let Some(pool) = self.member(name).and_then(|member| member.pool.as_mut()) {
            pool.terminated(id, Moment::now());
        }
    }
}

impl Member {
    fn carry_out(&mut self, verb: PoolVerb) -> Answer {
        let now = Moment::now();
        let (name, node) = (Arc::clone(&self.name), self.node.clone());
        match verb {
            PoolVerb::SetDesired(to) => ready(self.set_desired(to, now)).boxed(),
            PoolVerb::Suspend => ready(self.suspend(true, now)).boxed(),
            PoolVerb::Resume => ready(self.suspend(false, now)).boxed(),
            PoolVerb::Terminate(id) => {
                let asked = node.send(Terminate(id));
                async move {
                    match asked.await {
                        Ok(true) => Ok(Done::Draining { id, draining: true }),
                        Ok(false) => Err(Refused::NoWorker { name: name.to_string(), id }),
                        Err(_) => Err(Refused::Silent),
                    }
                }
                .boxed()
            }
            PoolVerb::StartRefresh(settings) => match settings.as_ref().map(RefreshSettings::check) {
                Some(Err(fault)) => refused(Refused::Invalid(fault.to_string())),
                Some(Ok(())) | None => {
                    let because = "it was asked for by hand".to_owned();
                    let asked = node.send(StartRefresh { settings, because });
                    async move { told(asked.await) }.boxed()
                }
            },
            PoolVerb::CancelRefresh => {
                let asked = node.send(EndRefresh::Cancel);
                async move { told(asked.await) }.boxed()
            }
            PoolVerb::RollBackRefresh => {
                let asked = node.send(EndRefresh::RollBack);
                async move { told(asked.await) }.boxed()
            }
        }
    }

    fn set_desired(&mut self, to: u32, now: Moment) -> Result<Done, Refused> {
        let Some(pool) = &mut self.pool else { return Err(Refused::Silent) };
        let from = pool.desired().0;
        let decision = pool.set_desired(now, to).map_err(|fault| Refused::Invalid(fault.to_string()))?;
        self.deliver(now);
        Ok(Done::Desired { from, to: decision.to.0, because: decision.because })
    }

    fn suspend(&mut self, suspended: bool, now: Moment) -> Result<Done, Refused> {
        let Some(pool) = &mut self.pool else { return Err(Refused::Silent) };
        pool.suspend(suspended, now);
        Ok(Done::Suspended { suspended })
    }
}

fn refused(why: Refused) -> Answer {
    ready(Err(why)).boxed()
}

fn told(answer: Result<Result<RefreshReport, NotRefreshed>, MailboxError>) -> Result<Done, Refused> {
    match answer {
        Ok(Ok(report)) => Ok(Done::Refresh(report)),
        Ok(Err(conflict)) => Err(Refused::Conflict(conflict.to_string())),
        Err(_) => Err(Refused::Silent),
    }
}
