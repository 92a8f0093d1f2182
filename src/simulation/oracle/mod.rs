//! The clairvoyant oracle: the cheapest plan of a pool, made by somebody who knows the trace.
//!
//! **What it may do.** Workers start as slowly as for everybody, and are paid from their order on; there are
//! `min` of them at the start and never more than `max`; the sink takes what it takes. Workers may come in
//! parts and leave at any time, which makes the plan a lower bound: no plan of whole workers is cheaper.
//!
//! **What it must do.** Finish every record before it is as old as the goal. Where nobody could, because even
//! `max` workers from the beginning would be late, it finishes the record as early as they would: so its ages
//! are the least there can be, and only there.
//!
//! **How it is found.** Let `A(t)` be the records that have arrived. The records finished, `S(t)`, lie below
//! `A(t - service)` and below what `max` workers reach, `S*(t)`; and above `A(t - goal)` or, where that is
//! out of reach, at `S*(t)`. Between these two curves, on a grid of a tenth of a second, the [taut
//! string](taut_string) has the least total variation of its slope, and the least sum of any convex function of
//! it: so, with `max(S'/rate, min)` workers at each time, the fewest worker-seconds and the fewest starts at
//! once. A gap shorter than a start is cheaper to idle through than to start again: it is filled (a closing
//! with a window of the start time). Cost is the sum of workers over time, and the start time for each that is
//! added. The bound is lowered by one record and one tenth of a second, the grain of the
//! [world](super::world).

mod plan;
mod taut_string;
#[cfg(test)]
mod tests;

pub use plan::Oracle;
