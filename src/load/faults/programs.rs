//! The processes of a pool, as `/proc` shows them.

use super::FaultError;
use crate::pipeline::process_files::stat_field;
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, io, time::Duration};
use tokio::time::sleep;

/// Looks for a process, a tenth of a second apart: a pool may just be starting one.
const LOOKS: u32 = 100;
const REST: Duration = Duration::from_millis(100);

/// Kills one process of a pool: the one with the lowest id.
///
/// # Errors
/// When there is none for ten seconds.
pub(super) async fn crash(daemon: Option<u32>, pool: &str) -> Result<String, FaultError> {
    for _ in 0..LOOKS {
        if let Some(id) = daemon.and_then(|daemon| programs_of(daemon, pool).into_iter().min()) {
            return match kill(id) {
                Ok(()) => Ok(format!("process {id} was killed")),
                // It has ended by itself meanwhile.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                    continue;
                }
                Err(source) => Err(FaultError::Kill { id, source }),
            };
        }
        sleep(REST).await;
    }
    Err(FaultError::NoProcess { pool: pool.to_owned() })
}

fn kill(id: u32) -> io::Result<()> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("it is no process id"))?;
    Ok(kill_process(pid, Signal::KILL)?)
}

/// Processes that a daemon has started for a pool: they are told its name.
fn programs_of(daemon: u32, pool: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_of_pool = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        parent(&stat) == Some(daemon)
            && fs::read(format!("/proc/{id}/environ")).is_ok_and(|variables| is_told(&variables, pool))
    };
    ids.filter(is_of_pool).collect()
}

/// Field 4 of proc_pid_stat(5).
fn parent(stat: &str) -> Option<u32> {
    stat_field(stat, 4)
}

fn is_told(variables: &[u8], pool: &str) -> bool {
    let told = format!("CAUDAL_NODE={pool}");
    variables.split(|byte| *byte == 0).any(|variable| variable == told.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_known_by_its_parent_and_its_pool() {
        assert_eq!(parent("42 (a) S 9) S 7 77 77 0"), Some(7));
        assert_eq!(parent("42"), None);
        assert!(is_told(b"A=1\0CAUDAL_NODE=review\0B=2\0", "review"));
        assert!(!is_told(b"CAUDAL_NODE=reviews\0XCAUDAL_NODE=review\0", "review"));
    }

    #[tokio::test]
    async fn the_process_of_the_pool_is_killed_and_no_other() {
        let start = |pool: &str| Command::new("sleep").arg("600").env("CAUDAL_NODE", pool).spawn().unwrap();
        let (mut one, mut other) = (start("crash-test"), start("other-test"));
        let done = crash(Some(std::process::id()), "crash-test").await.unwrap();
        assert_eq!(done, format!("process {} was killed", one.id()));
        assert!(!one.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
