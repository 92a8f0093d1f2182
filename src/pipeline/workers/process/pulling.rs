//! A program that receives from the queue by itself: started, watched and stopped, no more.

use super::{Fault, Program, child::Child};
use crate::{
    pipeline::{Pulse, Retire, TaskError, workers::pool::Pool},
    units::ByteSize,
};
use std::time::Duration;

/// How often the process is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Watches the process until asked to retire, then ends it by SIGTERM.
///
/// # Errors
/// [`TaskError`] when it ends by itself, or uses too much memory.
pub(super) async fn watch(
    pool: &Pool,
    program: &Program,
    mut child: Child,
    retire: &Retire,
    pulse: &Pulse,
) -> Result<(), TaskError> {
    child.log_stdout();
    pulse.in_service();
    while !retire.is_asked() {
        retire.sleep(LOOK).await;
        pulse.beat();
        if let Err(fault) = look(pool, program, &mut child).await {
            child.bury().await;
            return Err(TaskError::new(fault.outcome(), format!("{fault}{}", child.last_words())));
        }
    }
    child.end_by_signal(program.stop).await;
    Ok(())
}

async fn look(pool: &Pool, program: &Program, child: &mut Child) -> Result<(), Fault> {
    if child.has_ended() {
        return Err(child.gone().await);
    }
    let Some(limit) = program.memory else { return Ok(()) };
    let used = ByteSize(pool.memory.used_by(child.id()).await);
    if used > limit { Err(Fault::Memory { used, limit }) } else { Ok(()) }
}
