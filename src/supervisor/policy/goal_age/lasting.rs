//! What has been wanted for some seconds, and not only for one.

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
