//! The load behind recorded arrivals.

/// Seconds that are averaged.
const WINDOW: usize = 10;

/// The mean of the 10 seconds that end, or of those that begin, with each second: of whichever vary less, so
/// that a step stays a step (an edge-preserving mean, after Kuwahara). Sums are as exact as `f64`.
pub(super) fn smooth(arrivals: &[u64]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0)];
    let (mut sum, mut squares) = (0.0, 0.0);
    for count in arrivals {
        let count = *count as f64;
        sum += count;
        squares += count * count;
        sums.push((sum, squares));
    }
    let window = |from: usize, to: usize| {
        let (before, after) = (sums.get(from)?, sums.get(to)?);
        let seconds = to.checked_sub(from).filter(|seconds| *seconds > 0)? as f64;
        let mean = (after.0 - before.0) / seconds;
        Some((mean, (after.1 - before.1) / seconds - mean * mean))
    };
    let at = |second: usize| {
        let past = window((second + 1).saturating_sub(WINDOW), second + 1);
        let coming = window(second, (second + WINDOW).min(arrivals.len()));
        match (past, coming) {
            (Some(past), Some(coming)) if coming.1 < past.1 => coming.0,
            (Some((mean, _)), _) | (None, Some((mean, _))) => mean,
            (None, None) => 0.0,
        }
    };
    (0..arrivals.len()).map(at).collect()
}
