//! The collectors of an ingress as the balancer sees them: links, outstanding requests, health.

use super::{Balance, balancer::choose, health::Health, intake::Request};
use crate::pipeline::{Closed, Inlet, Outlet, link, now_ms};
use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst},
    },
    time::Duration,
};

/// One collector's place in the pool. It outlives the task, so that a restarted task goes on with
/// the requests that wait.
#[derive(Debug)]
pub(super) struct Member {
    pub key: String,
    outlet: Outlet<Request>,
    pub inlet: Inlet<Request>,
    capacity: usize,
    /// Requests that have not been answered.
    outstanding: AtomicUsize,
    /// It is to end: no request goes to it any more.
    leaving: AtomicBool,
    health: Mutex<Health>,
    /// Mirror of the health, read without the lock: zero means healthy.
    probe_from_ms: AtomicI64,
    pub busy_nanoseconds: AtomicU64,
    /// Longest time a request waited since it was last shown, nanoseconds.
    pub longest_wait: AtomicU64,
    pub taken: AtomicU64,
}

/// The collectors that requests are spread over.
#[derive(Debug)]
pub(super) struct Pool {
    balance: Balance,
    /// Requests that may wait for one collector.
    capacity: usize,
    members: RwLock<Arc<Vec<Arc<Member>>>>,
    turn: AtomicUsize,
    /// It will never have members again.
    closed: AtomicBool,
}

/// A request given to a collector, until it is answered.
#[derive(Debug)]
pub(super) struct Assigned(Arc<Member>);

impl Member {
    fn new(key: String, capacity: usize) -> Arc<Self> {
        let (outlet, inlet) = link(capacity);
        Arc::new(Self {
            key,
            outlet,
            inlet,
            capacity,
            outstanding: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
            health: Mutex::default(),
            probe_from_ms: AtomicI64::new(0),
            busy_nanoseconds: AtomicU64::new(0),
            longest_wait: AtomicU64::new(0),
            taken: AtomicU64::new(0),
        })
    }

    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.load(SeqCst)
    }

    pub(super) fn waiting(&self) -> usize {
        self.inlet.waiting()
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.probe_from_ms.load(Relaxed) == 0
    }

    /// It has been told to leave, and nobody waits for it.
    pub(super) fn has_left(&self) -> bool {
        self.leaving.load(SeqCst) && self.outstanding() == 0 && self.waiting() == 0
    }

    /// Its unanswered requests, or `None` while it takes none.
    fn available(&self) -> Option<usize> {
        let probe_from_ms = self.probe_from_ms.load(Relaxed);
        let resting = probe_from_ms > 0 && now_ms() < probe_from_ms;
        if resting || self.leaving.load(Relaxed) || self.waiting() >= self.capacity {
            return None;
        }
        Some(self.outstanding.load(Relaxed))
    }

    fn saw(&self, success: bool) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.saw(success, now_ms());
        self.probe_from_ms.store(health.probe_from_ms().unwrap_or(0), Relaxed);
    }
}

impl Assigned {
    /// The collector answered, or it failed to.
    pub(super) fn ended(self, success: bool) {
        // The common case costs no lock: a healthy collector answered.
        if !success || !self.0.is_healthy() {
            self.0.saw(success);
        }
    }
}

impl Drop for Assigned {
    fn drop(&mut self) {
        self.0.outstanding.fetch_sub(1, SeqCst);
    }
}

impl Pool {
    pub(super) fn new(balance: Balance, capacity: usize) -> Self {
        Self {
            balance,
            capacity,
            members: RwLock::default(),
            turn: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn members(&self) -> Arc<Vec<Arc<Member>>> {
        Arc::clone(&self.members.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the pool hold `desired` members; answers those that leave. `in_use` are keys of tasks
    /// that have not ended: a new member gets another one, so that its task can start at once.
    pub(super) fn resize(&self, desired: usize, in_use: &[&str]) -> Vec<Arc<Member>> {
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Vec::clone(&members);
        let leaving = take_idlest(&mut next, members.len().saturating_sub(desired));
        for key in (0..).map(|number| format!("collector-{number}")) {
            if next.len() >= desired {
                break;
            }
            if !in_use.contains(&key.as_str()) && !next.iter().any(|member| member.key == key) {
                next.push(Member::new(key, self.capacity));
            }
        }
        leaving.iter().for_each(|member| member.leaving.store(true, SeqCst));
        *members = Arc::new(next);
        leaving
    }

    /// Lets one member leave.
    pub(super) fn dismiss(&self, key: &str) -> Option<Arc<Member>> {
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        let place = members.iter().position(|member| member.key == key)?;
        let mut next = Vec::clone(&members);
        let member = next.remove(place);
        member.leaving.store(true, SeqCst);
        *members = Arc::new(next);
        Some(member)
    }

    /// Lets all members leave and takes none in again; answers those that leave.
    pub(super) fn close(&self) -> Vec<Arc<Member>> {
        self.closed.store(true, SeqCst);
        self.resize(0, &[])
    }

    /// Gives a request to a collector; gives it back when none can take it now.
    pub(super) fn offer(&self, key: u64, mut request: Request) -> Result<Assigned, Request> {
        let members = self.members();
        // Each failed try means that a member filled up or left in between.
        for _ in 0..=members.len() {
            let turn = self.turn.fetch_add(1, Relaxed);
            let available = |place: usize| members.get(place).and_then(|member| member.available());
            let Some(member) = choose(self.balance, members.len(), turn, key, available)
                .and_then(|place| members.get(place))
            else {
                return Err(request);
            };
            // Counted first, then looked again: a collector ends only when nothing is outstanding
            // after it was told to leave, so that no request can be left behind.
            member.outstanding.fetch_add(1, SeqCst);
            let assigned = Assigned(Arc::clone(member));
            if member.leaving.load(SeqCst) {
                continue;
            }
            match member.outlet.offer(request) {
                Ok(()) => return Ok(assigned),
                Err(Closed(refused)) => request = refused,
            }
        }
        Err(request)
    }

    /// Gives a request to a collector, waiting up to `wait` for one to have room, unless the pool is
    /// closed.
    pub(super) async fn offer_within(
        &self,
        wait: Duration,
        key: u64,
        request: Request,
    ) -> Result<Assigned, Request> {
        const PAUSE: Duration = Duration::from_millis(5);
        let mut request = match self.offer(key, request) {
            Ok(assigned) => return Ok(assigned),
            Err(refused) => refused,
        };
        for _ in 0..wait.as_millis() / PAUSE.as_millis() {
            if self.closed.load(SeqCst) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            request = match self.offer(key, request) {
                Ok(assigned) => return Ok(assigned),
                Err(refused) => refused,
            };
        }
        Err(request)
    }
}

/// Takes out those with the fewest unanswered requests, the youngest of equals first.
fn take_idlest(members: &mut Vec<Arc<Member>>, count: usize) -> Vec<Arc<Member>> {
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let places = members.iter().enumerate().rev();
        let Some((place, _)) = places.min_by_key(|(_, member)| member.outstanding()) else { break };
        taken.push(members.remove(place));
    }
    taken
}
