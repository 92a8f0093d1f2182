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
        let seconds = to.checked_sub(from).filter(|seconds| *seconds > 0)?;
        let mean = (after.0 - before.0) / seconds as f64;
        Some(Window { seconds, mean, variance: (after.1 - before.1) / seconds as f64 - mean * mean })
    };
    let at = |second: usize| {
        let past = window((second + 1).saturating_sub(WINDOW), second + 1);
        let coming = window(second, (second + WINDOW).min(arrivals.len()));
        let best = match (past, coming) {
            (Some(past), Some(coming)) if coming.is_better(&past) => Some(coming),
            (past, coming) => past.or(coming),
        };
        best.map_or(0.0, |window| window.mean)
    };
    (0..arrivals.len()).map(at).collect()
}

struct Window {
    seconds: usize,
    mean: f64,
    variance: f64,
}

impl Window {
    /// At the ends of a trace windows are short, and say little.
    fn is_better(&self, other: &Self) -> bool {
        self.seconds > other.seconds || (self.seconds == other.seconds && self.variance < other.variance)
    }
}
