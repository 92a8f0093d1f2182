//! What the bounds of a pool, its source and waiting records make of what its policies want.

use super::{
    Decision,
    opinion::{Bounds, Situation},
    scheduled::Schedules,
    words::grouped,
};
use crate::pipeline::Capacity;

/// The decision under the bounds; none where it leads nowhere. `useful` is the most that the source could use
/// for a while.
pub(super) fn bounded(
    decision: Decision,
    at: &Situation<'_>,
    schedules: &Schedules,
    useful: Option<u32>,
) -> Option<Decision> {
    let Bounds { min, max, most } = at.bounds;
    let wanted = decision.to.0;
    let Decision { mut because, mut by, .. } = decision;
    let mut to = wanted.clamp(min, most);
    if to == 0 && max > 0 && (at.seen.backlog > 0 || at.seen.in_flight > 0) {
        to = 1;
        (because, by) = one_stays(at, because, by);
    }
    if to > at.desired && to > max {
        to = max.max(at.desired);
        because = format!("{because}; the source can use {max}");
    }
    if let Some(useful) = useful.filter(|useful| *useful < to && to <= at.desired) {
        (to, by) = (useful, Decision::SOURCE);
        because = format!("the source can use no more than {useful}");
    }
    if wanted > most {
        let maximum = format!("the maximum is {most}{}", schedules.max_words());
        if to < at.desired || because.is_empty() {
            (because, by) = (maximum, schedules.max_by());
        } else {
            because = format!("{because}; {maximum}");
        }
    } else if wanted < min && to > at.desired {
        (because, by) = (format!("the minimum is {min}{}", schedules.min_words()), schedules.min_by());
    }
    (to != at.desired).then_some(Decision { to: Capacity(to), because, by })
}

fn one_stays(at: &Situation<'_>, because: String, by: &'static str) -> (String, &'static str) {
    if at.desired == 0 {
        return (format!("{} waiting and no worker", grouped(at.seen.backlog)), Decision::WORK);
    }
    let left = if at.seen.backlog > 0 { "what waits" } else { "what is in flight" };
    (format!("{because}; one stays for {left}"), by)
}
