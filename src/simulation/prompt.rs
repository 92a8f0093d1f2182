//! What can be had without foresight: somebody who knows the present exactly, and nothing of the future.

use super::{Ordered, PoolModel, Sizing, run::NEEDED_LOAD, traces::Trace};
use crate::{pipeline::Observation, supervisor::Moment};
use std::collections::VecDeque;

/// Seconds of patience before workers leave, of [`Prompt::patient`].
const PATIENCE: usize = 60;

/// At the end of each second it orders what the load of that second needs at 80 %, and what clears the backlog in
/// half of the goal; it knows load, service time and sink exactly.
///
/// Where even that misses an age or a share, the load rises faster than workers start, and the target is stated
/// by what it reaches: see [`targets`](super::targets).
#[derive(Debug)]
pub struct Prompt<'a> {
    model: PoolModel,
    expected: &'a [f64],
    second: usize,
    /// What was wanted in the last seconds, as many as it is patient.
    wanted: VecDeque<u32>,
    patience: usize,
}

impl<'a> Prompt<'a> {
    /// Sends workers home as soon as nothing waits and they are not needed.
    pub fn new(trace: &'a Trace, model: &PoolModel) -> Self {
        Self { model: *model, expected: &trace.expected, second: 0, wanted: VecDeque::new(), patience: 1 }
    }

    /// Sends workers home when they have not been needed for a minute, and changes nothing by less than 5 % up
    /// or 10 % down.
    pub fn patient(trace: &'a Trace, model: &PoolModel) -> Self {
        Self { patience: PATIENCE, ..Self::new(trace, model) }
    }

    fn is_worth(&self, now: u32, to: u32) -> bool {
        let (now, to) = (f64::from(now), f64::from(to));
        self.patience == 1 || to >= now * 1.05 || to <= now * 0.9
    }
}

impl Sizing for Prompt<'_> {
    fn name(&self) -> &str {
        if self.patience == 1 { "prompt" } else { "patient" }
    }

    fn desired(&mut self, _now: Moment, current: Ordered, seen: &Observation) -> u32 {
        let load = self.expected.get(self.second).copied().unwrap_or_default();
        self.second += 1;
        let clearing = seen.backlog as f64 / (self.model.goal.as_secs_f64() / 2.0);
        // Beyond what the sink takes, workers clear nothing.
        let all = self.model.needed(load + clearing * NEEDED_LOAD, NEEDED_LOAD);
        let all = (all - 1e-9).ceil() as u32;
        self.wanted.push_back(if seen.backlog > 0 { all.max(current.desired) } else { all });
        if self.wanted.len() > self.patience {
            self.wanted.pop_front();
        }
        let most = self.wanted.iter().copied().max().unwrap_or_default();
        if self.is_worth(current.desired, most) { most } else { current.desired }
    }
}
