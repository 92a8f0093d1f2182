//! Values of the last while, as every one of the compared policies averages them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Values no older than a span, oldest first.
#[derive(Debug)]
pub(super) struct Window {
    span: Duration,
    values: VecDeque<(Instant, f64)>,
}

impl Window {
    pub fn of(span: Duration) -> Self {
        Self { span, values: VecDeque::new() }
    }

    /// Adds a value and forgets those that have become `span` old.
    pub fn push(&mut self, now: Instant, value: f64) {
        self.values.push_back((now, value));
        let span = self.span;
        while self.values.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= span) {
            self.values.pop_front();
        }
    }

    /// Mean of what is there; 0 when nothing is.
    pub fn mean(&self) -> f64 {
        if self.values.is_empty() {
            return 0.0;
        }
        self.values.iter().map(|(_, value)| value).sum::<f64>() / self.values.len() as f64
    }

    /// Largest of what is there; 0 when nothing is.
    pub fn most(&self) -> f64 {
        self.values.iter().map(|(_, value)| *value).fold(0.0, f64::max)
    }

    /// Change of a counter from the oldest value to the newest, for each second between them.
    pub fn rate(&self) -> Option<f64> {
        let ((from, first), (to, last)) = (self.values.front()?, self.values.back()?);
        let seconds = to.saturating_duration_since(*from).as_secs_f64();
        (seconds > 0.0).then(|| (last - first) / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_forgets_what_has_become_as_old_as_its_span() {
        let start = Instant::now();
        let mut window = Window::of(Duration::from_secs(60));
        assert_eq!((window.mean(), window.most(), window.rate()), (0.0, 0.0, None));
        window.push(start, 100.0);
        window.push(start + Duration::from_secs(30), 40.0);
        assert_eq!((window.mean(), window.most(), window.rate()), (70.0, 100.0, Some(-2.0)));
        window.push(start + Duration::from_secs(60), 20.0);
        assert_eq!((window.mean(), window.most()), (30.0, 40.0));
    }
}
