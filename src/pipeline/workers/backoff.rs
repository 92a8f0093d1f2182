//! How long a failed message waits before it is tried again.

use super::Retry;
use std::time::Duration;

/// Longest wait that a server can ask for by `Retry-After`.
const LONGEST_ASKED: Duration = Duration::from_secs(900);

/// The wait after a failed attempt: doubled with each attempt from `retry.base` up to `retry.max`, of
/// which a part of up to half is left out by jitter, so that messages that failed together do not
/// come back together. Not shorter than what the server asked for, up to 15 minutes.
/// `seed` is the message: the same message waits alike after the same attempt.
pub(super) fn wait_after(attempt: u32, seed: u64, retry: &Retry, asked: Option<Duration>) -> Duration {
    let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = retry.base.0.saturating_mul(doubled).min(retry.max.0);
    let wait = longest.mul_f64(1.0 - jitter(seed, attempt) / 2.0);
    wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// A number from 0 to below 1, the same for the same message and attempt.
fn jitter(seed: u64, attempt: u32) -> f64 {
    // SplitMix64: neighbouring seeds give unrelated numbers.
    let mut bits = seed.wrapping_mul(31).wrapping_add(u64::from(attempt)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    fn retry() -> Retry {
        Retry { base: Span(Duration::from_secs(1)), max: Span(Duration::from_secs(60)) }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_keep_at_least_half() {
        for seed in 0..1_000 {
            for (attempt, longest) in
                [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (40, 60.0), (u32::MAX, 60.0)]
            {
                let wait = wait_after(attempt, seed, &retry(), None).as_secs_f64();
                assert!(wait > longest / 2.0 && wait <= longest, "attempt {attempt}: {wait}");
            }
        }
    }

    #[test]
    fn messages_that_failed_together_are_spread() {
        let mut waits: Vec<_> =
            (0..100).map(|seed| wait_after(5, seed, &retry(), None).as_millis() / 800).collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() >= 9, "{waits:?}");
        assert_eq!(wait_after(3, 7, &retry(), None), wait_after(3, 7, &retry(), None));
    }

    #[test]
    fn a_server_may_ask_for_more_but_not_for_ever() {
        let asked = |seconds| wait_after(1, 0, &retry(), Some(Duration::from_secs(seconds)));
        assert_eq!(asked(30), Duration::from_secs(30));
        assert_eq!(asked(100_000), LONGEST_ASKED);
        assert!(asked(0) >= Duration::from_millis(500));
    }
}
