//! A collector: takes all requests that wait, parses and checks them, and appends them together.

use super::{
    Reply,
    group::{Group, Sent},
    intake::{Intake, Request},
    pool::Member,
};
use crate::{
    pipeline::{Pulse, Received, Retire, TaskError, now_ms, stream::MOST_ROUTES},
    storage::{Batch, CommitError, Committed},
};
use rand::{SeedableRng, rngs::SmallRng};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a collector waits for a request before it looks whether it should end.
const WAIT: Duration = Duration::from_millis(200);
/// Most requests taken in one round.
const MOST_REQUESTS: usize = 512;
/// Payload bytes after which a group is stored without waiting for more.
const LARGE_GROUP: usize = 1 << 20;
/// Groups of one collector that may be on their way to the disk. While they are, requests gather:
/// few large groups cost less than many small ones, and the disk has always one more to write.
const GROUPS_ON_THE_WAY: u32 = 2;
/// Requests with an idempotency key, each a batch of its own, that may be on their way.
const ALONE_ON_THE_WAY: u32 = 64;

/// One running collector.
struct Collector {
    member: Arc<Member>,
    intake: Arc<Intake>,
    random: SmallRng,
    groups: Arc<Semaphore>,
    alone: Arc<Semaphore>,
    /// Since when it has been working.
    started: Instant,
}

/// Runs a collector until it is told to leave and nobody waits for it.
pub(super) async fn collect(
    member: Arc<Member>,
    intake: Arc<Intake>,
    retire: Retire,
    pulse: Pulse,
) -> Result<(), TaskError> {
    let room = |most: u32| Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1)));
    let mut collector = Collector {
        member,
        intake,
        random: SmallRng::from_os_rng(),
        groups: room(GROUPS_ON_THE_WAY),
        alone: room(ALONE_ON_THE_WAY),
        started: Instant::now(),
    };
    pulse.in_service();
    loop {
        // Room first: what comes until then is taken in one round.
        let Ok(room) = Arc::clone(&collector.groups).acquire_owned().await else { break };
        match collector.member.inlet.receive(WAIT).await {
            Received::Item(request) => {
                let _busy = pulse.busy(1 + collector.member.waiting());
                collector.round(request, room).await;
            }
            Received::Empty if retire.is_asked() && collector.member.has_left() => break,
            Received::Empty => {}
            Received::Closed => break,
        }
    }
    // Groups on their way answer before the task is over.
    let _ = collector.groups.acquire_many(GROUPS_ON_THE_WAY).await;
    let _ = collector.alone.acquire_many(ALONE_ON_THE_WAY).await;
    Ok(())
}

impl Collector {
    /// Takes `request` and all that wait behind it.
    async fn round(&mut self, request: Request, room: OwnedSemaphorePermit) {
        self.started = Instant::now();
        let now_ms = now_ms();
        let mut group = Group::default();
        let mut next = Some(request);
        let mut taken = 0;
        while let Some(request) = next {
            let waited = self.started.saturating_duration_since(request.came);
            self.member.longest_wait.fetch_max(nanoseconds(waited), Relaxed);
            self.member.taken.fetch_add(1, Relaxed);
            if self.intake.store.disk_full() {
                // A client that has gone needs no answer.
                let _ = request.answer.send(Reply::not_committed(&CommitError::DiskFull));
            } else if request.idempotency_key.is_some() {
                self.store_alone(request, now_ms).await;
            } else {
                group.add(&self.intake, request, &mut self.random, now_ms);
            }
            taken += 1;
            let full = taken >= MOST_REQUESTS || group.bytes() >= LARGE_GROUP;
            next = if full { None } else { self.member.inlet.take() };
        }
        self.store(group, room, now_ms).await;
    }

    async fn store_alone(&mut self, request: Request, now_ms: i64) {
        let mut group = Group::default();
        group.add(&self.intake, request, &mut self.random, now_ms);
        if let Ok(room) = Arc::clone(&self.alone).acquire_owned().await {
            self.store(group, room, now_ms).await;
        }
    }

    /// Hands a group to the store; its clients are answered once it is on disk, while the collector
    /// goes on.
    async fn store(&mut self, group: Group, room: OwnedSemaphorePermit, now_ms: i64) {
        let sealed = (!group.is_empty()).then(|| group.seal(&self.intake, now_ms));
        self.member.busy_nanoseconds.fetch_add(nanoseconds(self.started.elapsed()), Relaxed);
        if let Some((batch, sent)) = sealed {
            self.submit(batch, sent, room).await;
        }
        self.started = Instant::now();
    }

    async fn submit(&self, batch: Batch, sent: Sent, room: OwnedSemaphorePermit) {
        if let Some(error) = sent.misfit() {
            return sent.answer(&self.intake, Err(error));
        }
        match self.intake.store.submit(batch).await {
            Ok(ticket) => {
                let intake = Arc::clone(&self.intake);
                tokio::spawn(async move {
                    let result = ticket.durable().await;
                    if let Some((sent, result)) = route_again(&intake, sent, result).await {
                        sent.answer(&intake, result);
                    }
                    drop(room);
                });
            }
            Err(error) => sent.answer(&self.intake, Err(error)),
        }
    }
}

/// Stores a group anew while the shards that it went to were split or merged before it was on disk. None
/// when all of its requests have their answers.
async fn route_again(
    intake: &Intake,
    mut sent: Sent,
    mut result: Result<Committed, CommitError>,
) -> Option<(Sent, Result<Committed, CommitError>)> {
    for _ in 0..MOST_ROUTES {
        let Err(error @ CommitError::ShardClosed(_)) = &result else { break };
        let (mut group, now_ms) = (Group::default(), now_ms());
        for request in sent.again(intake, error).await {
            group.add(intake, request, &mut SmallRng::from_os_rng(), now_ms);
        }
        if group.is_empty() {
            return None;
        }
        let (batch, next) = group.seal(intake, now_ms);
        (sent, result) = (next, intake.store.commit(batch).await);
    }
    Some((sent, result))
}

fn nanoseconds(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}
