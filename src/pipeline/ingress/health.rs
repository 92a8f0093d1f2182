//! A collector's health: it flips only after several results in a row.

/// Failures in a row that make a collector unhealthy.
const FAILURES: u32 = 5;
/// Successes in a row that make it healthy again.
const SUCCESSES: u32 = 2;
/// How long an unhealthy collector is left alone before a request probes it.
const COOL_OFF_MS: i64 = 2_000;

/// Results in a row, and what follows from them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Health {
    failures: u32,
    successes: u32,
    /// Set while unhealthy: from when on a request may probe it.
    probe_from_ms: Option<i64>,
}

impl Health {
    /// Counts the result of a request.
    pub(super) fn saw(&mut self, success: bool, now_ms: i64) {
        if success {
            self.failures = 0;
            self.successes = self.successes.saturating_add(1);
            if self.successes >= SUCCESSES {
                self.probe_from_ms = None;
            }
        } else {
            self.successes = 0;
            self.failures = self.failures.saturating_add(1);
            if self.failures >= FAILURES || self.probe_from_ms.is_some() {
                self.probe_from_ms = Some(now_ms.saturating_add(COOL_OFF_MS));
            }
        }
    }

    /// From when on it may be given requests; `None`: at any time.
    pub(super) fn probe_from_ms(&self) -> Option<i64> {
        self.probe_from_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(results: &[bool]) -> Health {
        let mut health = Health::default();
        results.iter().for_each(|success| health.saw(*success, 1_000));
        health
    }

    #[test]
    fn only_failures_in_a_row_make_it_unhealthy() {
        assert_eq!(after(&[false, false, false, false]).probe_from_ms(), None);
        assert_eq!(after(&[false, false, false, false, true, false]).probe_from_ms(), None);
        assert_eq!(after(&[false; 5]).probe_from_ms(), Some(3_000));
    }

    #[test]
    fn successes_in_a_row_make_it_healthy_and_a_failed_probe_waits_again() {
        let mut health = after(&[false; 5]);
        health.saw(true, 4_000);
        assert!(health.probe_from_ms().is_some());
        health.saw(false, 5_000);
        assert_eq!(health.probe_from_ms(), Some(7_000));
        health.saw(true, 8_000);
        health.saw(true, 8_000);
        assert_eq!(health.probe_from_ms(), None);
    }
}
