//! Workers that are programs: one process for each, spoken with in JSON lines or receiving by itself.

mod child;
mod conversation;
mod fault;
mod holding;
mod lines;
mod memory;
mod program;
mod protocol;
mod pulling;
mod settler;
#[cfg(test)]
mod tests;
mod words;

use super::pool::Pool;
use crate::pipeline::{Pulse, Retire, TaskError};
use child::Child;
use conversation::{Conversation, Trouble};
use fault::Fault;
use settler::Settler;
use std::sync::Arc;

pub(super) use memory::MemoryWatch;
pub(super) use program::Program;

/// One worker: starts its process, works until asked to retire, and ends the process. When the
/// process is at fault it is killed and the task fails, to be started again with backoff.
///
/// # Errors
/// [`TaskError`] with what the program did wrong and its last words.
pub(super) async fn work(
    pool: Arc<Pool>,
    program: Arc<Program>,
    slot: String,
    retire: Retire,
    pulse: Pulse,
) -> Result<(), TaskError> {
    let child = Child::start(&program, &slot).map_err(|fault| TaskError::new(fault.outcome(), fault))?;
    if program.pulls {
        return pulling::watch(&pool, &program, child, &retire, &pulse).await;
    }
    let settler = Settler::new(Arc::clone(&pool), &slot, retire.clone())?;
    let mut conversation = Conversation::new(pool, program, child, settler, (retire, pulse));
    let ended = match conversation.begin().await {
        Ok(true) => conversation.go_on().await,
        Ok(false) => Ok(()),
        Err(trouble) => Err(trouble),
    };
    match ended {
        Ok(()) => {
            conversation.end().await;
            // It may have left by itself while messages were on their way to it.
            conversation.hand_back(None).await
        }
        Err(Trouble::Program(fault)) => {
            let reason = conversation.kill(&fault).await;
            conversation.hand_back(Some(&reason)).await?;
            Err(TaskError::new(fault.outcome(), reason))
        }
        Err(Trouble::Task(error)) => {
            conversation.abandon().await;
            Err(error)
        }
    }
}
