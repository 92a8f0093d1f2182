//! Nobody takes from a queue: its pool is suspended at no workers.

use super::{CalledOff, FaultError};
use crate::load::admin::{Admin, AdminError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long a daemon that is down may take to answer again.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Orders a pool to no workers for so long, then back to what it had.
///
/// # Errors
/// When the admin server does not answer for long, or refuses.
pub(super) async fn of_consumers(
    admin: &Admin,
    pool: &str,
    lasting: Duration,
    called_off: &CalledOff,
) -> Result<String, FaultError> {
    let begun = Instant::now();
    let before = patiently(|| admin.health())
        .await?
        .nodes
        .get(pool)
        .and_then(|node| Some(node.pool.as_ref()?.desired));
    let before = before.ok_or_else(|| {
        let kind = "consumer_outage";
        FaultError::NoPool { kind, pool: pool.to_owned(), known: "none by that name any more".to_owned() }
    })?;
    patiently(|| admin.suspend(pool)).await?;
    patiently(|| admin.order(pool, 0)).await?;
    let empty = until_empty(admin, pool, begun, lasting, called_off).await;
    called_off.within(lasting.saturating_sub(begun.elapsed())).await;
    patiently(|| admin.order(pool, before)).await?;
    patiently(|| admin.resume(pool)).await?;
    Ok(match empty {
        Some(after) => {
            format!(
                "no worker of {before} took anything after {:.2} s; then {before} again",
                after.as_secs_f64()
            )
        }
        None => format!("some of {before} workers had not ended when the outage was over"),
    })
}

/// How long it took until no worker was left.
async fn until_empty(
    admin: &Admin,
    pool: &str,
    begun: Instant,
    lasting: Duration,
    called_off: &CalledOff,
) -> Option<Duration> {
    while begun.elapsed() < lasting {
        let health = admin.health().await.ok();
        let seen = health.as_ref().and_then(|health| health.nodes.get(pool)?.pool.as_ref());
        if seen.is_some_and(|seen| seen.desired == 0 && seen.in_service + seen.draining == 0) {
            return Some(begun.elapsed());
        }
        if called_off.within(POLL).await {
            return None;
        }
    }
    None
}

/// Asks again while nobody answers: another fault may have stopped the daemon.
async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T, FaultError>
where
    F: Future<Output = Result<T, AdminError>>,
{
    let begun = Instant::now();
    loop {
        match ask().await {
            Err(AdminError::Unreachable { .. } | AdminError::Refused { status: 503, .. })
                if begun.elapsed() < PATIENCE =>
            {
                sleep(POLL).await;
            }
            done => return Ok(done?),
        }
    }
}
