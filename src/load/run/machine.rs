//! The machine that drives.

use crate::load::outcome::Machine;
use std::{fs, thread};

/// What Linux tells; nothing where it does not.
pub(super) fn machine() -> Machine {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        cores: thread::available_parallelism().map_or(0, usize::from),
        memory_bytes: fs::read_to_string("/proc/meminfo").ok().and_then(|told| total(&told)).unwrap_or(0),
        system: format!("{} {} {}", std::env::consts::OS, kernel.trim(), std::env::consts::ARCH),
    }
}

fn total(told: &str) -> Option<u64> {
    let line = told.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(total("MemTotal:        8052404 kB\nMemFree: 1 kB\n"), Some(8_052_404 << 10));
        assert_eq!(total("nothing"), None);
    }
}
