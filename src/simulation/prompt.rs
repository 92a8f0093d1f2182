//! What can be had without foresight: somebody who knows the present exactly, and nothing of the future.

use super::{Ordered, PoolModel, Sizing, run::NEEDED_LOAD, traces::Trace};
use crate::{pipeline::Observation, supervisor::Moment};

/// At the end of each second it orders what the load of that second needs at 80 %, and what clears the backlog in
/// half of the goal; it knows load, service time and sink exactly. It sends workers home as soon as nothing waits.
///
/// Where even that misses an age or a share, the load rises faster than workers start, and the target is stated
/// by what it reaches: see [`targets`](super::targets).
#[derive(Debug)]
pub struct Prompt<'a> {
    model: PoolModel,
    expected: &'a [f64],
    second: usize,
}

impl<'a> Prompt<'a> {
    pub fn new(trace: &'a Trace, model: &PoolModel) -> Self {
        Self { model: *model, expected: &trace.expected, second: 0 }
    }
}

impl Sizing for Prompt<'_> {
    fn name(&self) -> &str {
        "prompt"
    }

    fn desired(&mut self, _now: Moment, current: Ordered, seen: &Observation) -> u32 {
        let load = self.expected.get(self.second).copied().unwrap_or_default();
        self.second += 1;
        let clearing = seen.backlog as f64 / (self.model.goal.as_secs_f64() / 2.0);
        // Beyond what the sink takes, workers clear nothing.
        let all = self.model.needed(load + clearing * NEEDED_LOAD, NEEDED_LOAD);
        let all = (all - 1e-9).ceil() as u32;
        if seen.backlog > 0 { all.max(current.desired) } else { all }
    }
}
