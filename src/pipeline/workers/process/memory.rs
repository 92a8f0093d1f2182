//! How much memory process groups use, as `/proc` shows it. Linux only, as the daemon is.

use crate::pipeline::process_files::{resident, stat_field};
use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// Resident bytes by process group.
type Used = BTreeMap<i32, u64>;

/// How long a look at all processes is good for.
const FRESH: Duration = Duration::from_millis(900);

/// Looks at all processes of the machine, once for all workers of a pool.
#[derive(Debug, Default)]
pub(in crate::pipeline::workers) struct MemoryWatch {
    seen: Mutex<Option<(Instant, Used)>>,
}

impl MemoryWatch {
    /// Resident bytes of a process group. Pages that its processes share count for each of them.
    pub async fn used_by(&self, group: i32) -> u64 {
        let mut seen = self.seen.lock().await;
        let is_fresh = |at: &Instant| at.elapsed() < FRESH;
        if !seen.as_ref().is_some_and(|(at, _)| is_fresh(at)) {
            let used = tokio::task::spawn_blocking(look).await.unwrap_or_default();
            *seen = Some((Instant::now(), used));
        }
        seen.as_ref().and_then(|(_, used)| used.get(&group).copied()).unwrap_or_default()
    }
}

/// Processes that end meanwhile are left out.
fn look() -> Used {
    let mut used = Used::new();
    let Ok(entries) = fs::read_dir("/proc") else { return used };
    for entry in entries.flatten() {
        let path = entry.path();
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
        let Some(group) = group_of(&stat) else { continue };
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        *used.entry(group).or_default() += resident(&status).unwrap_or_default();
    }
    used
}

/// The process group in a line of `/proc/PID/stat`.
fn group_of(stat: &str) -> Option<i32> {
    stat_field(stat, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_and_resident_memory_are_read_whatever_the_program_is_called() {
        assert_eq!(group_of("42 (a) 9 9 (b) S 1 77 77 0 -1 4194560"), Some(77));
        assert_eq!(group_of("42 (a"), None);
        assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), Some(2 << 20));
        assert_eq!(resident("Name:\tkthreadd\n"), None);
    }

    #[tokio::test]
    async fn a_running_group_is_seen() {
        let own = group_of(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        assert!(MemoryWatch::default().used_by(own).await > 1 << 20);
    }
}
