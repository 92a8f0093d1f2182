//! The process of a daemon.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    io,
    process::{Child, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// A child process that is killed and reaped when dropped.
#[derive(Debug)]
pub(super) struct Process(Child);

/// The id of a daemon's process while there is one; cheap to clone, and the same for all who have it.
#[derive(Debug, Clone, Default)]
pub struct ProcessId(Arc<AtomicU32>);

impl ProcessId {
    /// Of a process that is not started here.
    pub fn of(id: u32) -> Self {
        Self(Arc::new(AtomicU32::new(id)))
    }

    pub(super) fn set(&self, id: Option<u32>) {
        self.0.store(id.unwrap_or(0), Relaxed);
    }

    pub fn get(&self) -> Option<u32> {
        Some(self.0.load(Relaxed)).filter(|id| *id != 0)
    }
}

impl From<Child> for Process {
    fn from(child: Child) -> Self {
        Self(child)
    }
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, once it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// SIGTERM.
    pub(super) fn terminate(&self) -> io::Result<()> {
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        let id = id.ok_or_else(|| io::Error::other("its id is none"))?;
        Ok(kill_process(id, Signal::TERM)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already needs no kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
