//! What has been wanted for some seconds, and not only for one.

use crate::supervisor::policy::words::milliseconds;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A want counts as lasting when it has lasted so long.
const LASTS: Duration = Duration::from_secs(5);
/// Wants that are looked at.
const MOST_WANTS: usize = 64;

/// The wants of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Lasting(VecDeque<(Instant, u32, f64)>);

impl Lasting {
    /// The wants by how long they are past, in milliseconds.
    pub fn remember(&self, now: Instant) -> Vec<(u64, u32, f64)> {
        self.0.iter().map(|(at, steady, exact)| (milliseconds(now, *at), *steady, *exact)).collect()
    }

    /// Goes on from what was kept, as if no time had passed since.
    pub fn recall(&mut self, now: Instant, wants: &[(u64, u32, f64)]) {
        let want = |(ago, steady, exact): &(u64, u32, f64)| {
            let at = now.checked_sub(Duration::from_millis(*ago))?;
            exact.is_finite().then_some((at, *steady, *exact))
        };
        self.0 = wants.iter().take(MOST_WANTS).filter_map(want).collect();
    }

    /// Takes in the steady and the whole want; answers the least of each.
    pub fn watch(&mut self, now: Instant, steady: u32, exact: f64) -> (u32, f64) {
        self.0.push_back((now, steady, exact));
        while self.0.len() > MOST_WANTS
            || self.0.front().is_some_and(|(at, ..)| now.saturating_duration_since(*at) > LASTS)
        {
            self.0.pop_front();
        }
        let least = |(workers, wanted): (u32, f64), (_, steady, exact): &(Instant, u32, f64)| {
            (workers.min(*steady), wanted.min(*exact))
        };
        self.0.iter().fold((steady, exact), least)
    }
}
