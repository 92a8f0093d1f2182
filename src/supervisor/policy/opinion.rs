//! What each policy is told and what it answers.

use super::{Moment, load::Load};
use crate::pipeline::Observation;

/// What all policies of a pool are told at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub now: Moment,
    pub seen: &'a Observation,
    /// What is ordered.
    pub desired: u32,
    /// Workers in service that are not warming up any more.
    pub measured: u32,
    pub bounds: Bounds,
    /// Changes of direction that this hour still has room for.
    pub room: usize,
    pub load: &'a Load,
}

/// Fewest and most workers, at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub min: u32,
    pub max: u32,
    /// The most that the topology allows; `max` is lower where the source cannot use so many.
    pub most: u32,
}

impl Bounds {
    pub fn hold(self, workers: u32) -> u32 {
        workers.clamp(self.min, self.max.max(self.min))
    }
}

/// Where a policy would have the pool go. A policy without an opinion answers none; one that would
/// have it stay answers what is desired. What it answers may lie beyond the bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opinion {
    pub to: u32,
    pub because: String,
}

impl Opinion {
    pub fn stay(desired: u32) -> Option<Self> {
        Some(Self { to: desired, because: String::new() })
    }
}
