//! A collector: takes all requests that wait, parses and checks them, and appends them together.

use super::{
    Reply,
    group::Group,
    intake::{Intake, Request},
    pool::Member,
};
use crate::pipeline::{Received, Retire, TaskError, now_ms};
use rand::{SeedableRng, rngs::SmallRng};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// How long a collector waits for a request before it looks whether it should end.
const WAIT: Duration = Duration::from_millis(200);
/// Most requests taken in one round.
const MOST_REQUESTS: usize = 512;
/// Payload bytes after which a group is stored without waiting for more.
const LARGE_GROUP: usize = 1 << 20;
/// Groups of one collector that may be on their way to the disk.
const MOST_ON_THE_WAY: u32 = 64;

/// Runs a collector until it is told to leave and nobody waits for it.
pub(super) async fn collect(
    member: Arc<Member>,
    intake: Arc<Intake>,
    retire: Retire,
) -> Result<(), TaskError> {
    let on_the_way = Arc::new(Semaphore::new(usize::try_from(MOST_ON_THE_WAY).unwrap_or(1)));
    let mut random = SmallRng::from_os_rng();
    loop {
        match member.inlet.receive(WAIT).await {
            Received::Item(request) => round(&member, &intake, &on_the_way, &mut random, request).await,
            Received::Empty if retire.is_asked() && member.has_left() => break,
            Received::Empty => {}
            Received::Closed => break,
        }
    }
    // Groups on their way answer before the task is over.
    let _ = on_the_way.acquire_many(MOST_ON_THE_WAY).await;
    Ok(())
}

/// Takes `request` and all that wait behind it.
async fn round(
    member: &Member,
    intake: &Arc<Intake>,
    on_the_way: &Arc<Semaphore>,
    random: &mut SmallRng,
    request: Request,
) {
    let mut group = Group::default();
    let mut next = Some(request);
    let mut started = Instant::now();
    let now_ms = now_ms();
    let mut taken = 0;
    while let Some(request) = next {
        let waited = started.saturating_duration_since(request.came);
        member.longest_wait.fetch_max(nanoseconds(waited), Relaxed);
        member.taken.fetch_add(1, Relaxed);
        if intake.store.disk_full() {
            let _ = request.answer.send(Reply::not_committed(&crate::storage::CommitError::DiskFull));
        } else if request.idempotency_key.is_some() {
            let mut alone = Group::default();
            alone.add(intake, request, random, now_ms);
            started = store(member, started, alone, intake, on_the_way, now_ms).await;
        } else {
            group.add(intake, request, random, now_ms);
            if group.bytes() >= LARGE_GROUP {
                let full = std::mem::take(&mut group);
                started = store(member, started, full, intake, on_the_way, now_ms).await;
            }
        }
        taken += 1;
        next = if taken < MOST_REQUESTS { member.inlet.take() } else { None };
    }
    store(member, started, group, intake, on_the_way, now_ms).await;
}

/// Hands a group to the store; its clients are answered once it is on disk, while the collector
/// goes on. Answers when the collector was free again.
async fn store(
    member: &Member,
    started: Instant,
    group: Group,
    intake: &Arc<Intake>,
    on_the_way: &Arc<Semaphore>,
    now_ms: i64,
) -> Instant {
    if group.is_empty() {
        member.busy_nanoseconds.fetch_add(nanoseconds(started.elapsed()), Relaxed);
        return Instant::now();
    }
    let (batch, sent) = group.seal(intake, now_ms);
    if let Some(error) = sent.misfit() {
        sent.answer(intake, Err(error));
        return Instant::now();
    }
    member.busy_nanoseconds.fetch_add(nanoseconds(started.elapsed()), Relaxed);
    let Ok(permit) = Arc::clone(on_the_way).acquire_owned().await else { return Instant::now() };
    match intake.store.submit(batch).await {
        Ok(ticket) => {
            let intake = Arc::clone(intake);
            tokio::spawn(async move {
                let result = ticket.durable().await;
                sent.answer(&intake, result);
                drop(permit);
            });
        }
        Err(error) => sent.answer(intake, Err(error)),
    }
    Instant::now()
}

fn nanoseconds(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}
