//! What a process uses, as `/proc` shows it.

use crate::pipeline::process_files::{resident, stat_field};
use std::fs;

/// What a process uses, without its children.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Usage {
    /// Resident.
    pub memory_bytes: u64,
    /// Of all its threads since it started, also those that have ended.
    pub processor_seconds: f64,
}

/// Ticks of a second in `/proc/PID/stat`; see proc_pid_stat(5).
const TICKS: f64 = 100.0;

pub(super) fn usage(id: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    Some(Usage { memory_bytes: resident(&status)?, processor_seconds: processor_seconds(&stat)? })
}

/// Fields 14 and 15 of proc_pid_stat(5), `utime` and `stime`.
fn processor_seconds(stat: &str) -> Option<f64> {
    Some((stat_field::<f64>(stat, 14)? + stat_field::<f64>(stat, 15)?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processor_time_are_read_whatever_the_program_is_called() {
        let stat = "42 (a) 9 (b) S 1 77 77 0 -1 4194560 11 22 33 44 250 50 7 8 20 0 4 0 99";
        assert_eq!(processor_seconds(stat), Some(3.0));
        assert_eq!(processor_seconds("42 (a"), None);
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t   2048 kB\n"), Some(2 << 20));
        assert_eq!(resident("VmPeak:\t 9 kB\n"), None);
    }

    #[test]
    fn this_process_uses_memory_and_one_that_is_gone_nothing() {
        let own = usage(std::process::id()).unwrap();
        assert!(own.memory_bytes > 1 << 20, "{own:?}");
        assert_eq!(usage(u32::MAX), None);
    }
}
