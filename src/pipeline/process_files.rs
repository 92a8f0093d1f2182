//! What `/proc` says of a process; see proc(5).

/// Field `number` of a line of `/proc/PID/stat`, counted from 1 as proc_pid_stat(5) does; from the third on. The
/// program's name, in brackets, may hold anything.
pub fn stat_field<T: std::str::FromStr>(stat: &str, number: usize) -> Option<T> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// Resident bytes in `/proc/PID/status`; kernel threads have none.
pub fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}
