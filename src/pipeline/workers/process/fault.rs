//! What can be wrong with a program. Its task pays: the process is killed and started again with
//! backoff; what it held and did not answer comes again at once, as one more attempt.

use super::protocol::{LONGEST_LINE, Malformed, VERSION};
use crate::units::{ByteSize, Span};
use std::{io, process::ExitStatus};

/// Why a process was killed, or could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(
        "no such program: {program:?} (nor its interpreter, if it is a script); install it, or correct run.command"
    )]
    NoSuchProgram { program: String },
    #[error("no such folder: {directory:?}; make it, or correct run.directory")]
    NoSuchFolder { directory: String },
    #[error("starting {program:?}: {cause}")]
    NotStarted { program: String, cause: io::Error },
    #[error(
        "it did not say {{\"ready\":true,\"protocol\":1}} within {limit}; say it, set run.ready = false, or raise run.start"
    )]
    NotReady { limit: Span },
    #[error("it speaks protocol {found}; this daemon speaks {VERSION}")]
    Protocol { found: u32 },
    #[error("it said that it is ready, again")]
    ReadyAgain,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("it wrote a line of more than {} on its stdout, beginning {start:?}", ByteSize(LONGEST_LINE as u64))]
    LineTooLong { start: String },
    #[error("it answered message {id:?}, which it does not hold: {why}")]
    NotHeld { id: String, why: &'static str },
    #[error("it gave neither an answer nor a heartbeat for {limit}; beat while working, or raise run.time")]
    Silent { limit: Span },
    #[error("it held messages for {limit}; raise run.hold if work may take so long")]
    HeldTooLong { limit: Span },
    #[error("its processes used {used}, above run.memory = {limit}")]
    Memory { used: ByteSize, limit: ByteSize },
    #[error("it ended with {status}")]
    Ended { status: ExitStatus },
    #[error("it closed its stdout and went on running; stdout is where its answers belong")]
    ClosedStdout,
    #[error("talking to it: {cause}")]
    Pipe { cause: io::Error },
    #[error("a batch cannot be written for it: {cause}")]
    Unwritable { cause: serde_json::Error },
}

impl Fault {
    /// What became of the program because of it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Ended { .. } => "its program died",
            Self::NoSuchProgram { .. } | Self::NoSuchFolder { .. } | Self::NotStarted { .. } => {
                "starting its program"
            }
            _ => "its program was killed",
        }
    }
}
