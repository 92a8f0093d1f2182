//! The world that a pool is rehearsed in: records arrive, workers start, work and leave, on a virtual clock.
//!
//! Time goes in ticks of 25 to 50 ms, chosen so that a record takes a whole number of ticks (or a tick a whole
//! number of records). In a tick, in this order:
//!
//! 1. workers whose start is over come into service;
//! 2. workers that have finished hand their records to the sink, first come first served, as far as it takes
//!    them; one whose record the sink does not take keeps it, and stays busy;
//! 3. records that came within the last tick wait; idle workers take the oldest.
//!
//! Scale-in takes workers that have not started, then idle ones; of the busy ones those that finish first leave
//! when they have finished what they hold. Nothing is handed back. An order is answered from the same
//! numbers that a pool in the daemon shows: the oldest age is that of the oldest record *not finished*, and a
//! worker's busy time counts when its work is done.

mod backlog;
mod fleet;
mod sink;
#[cfg(test)]
mod tests;

use super::PoolModel;
use crate::pipeline::Observation;
use backlog::Backlog;
use fleet::Fleet;
use sink::Sink;
use std::time::Duration;

/// Longest tick.
const LONGEST_TICK: f64 = 0.050;

/// One pool, its queue and its sink.
#[derive(Debug)]
pub struct World {
    tick_seconds: f64,
    now: u64,
    backlog: Backlog,
    fleet: Fleet,
    sink: Sink,
    done: Counters,
    /// What the counters had when they were last begun anew.
    before: Counters,
    worker_seconds: f64,
    limit: Option<u32>,
}

/// What a pool counts.
#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    arrived: u64,
    processed: u64,
    busy_seconds: f64,
}

impl World {
    /// A pool with its first workers in service and nothing to do.
    pub fn new(model: &PoolModel) -> Self {
        let service = model.service.as_secs_f64().max(1e-6);
        let ticks = (service / LONGEST_TICK - 1e-9).ceil().max(1.0);
        let records = (LONGEST_TICK / service + 1e-9).floor().max(1.0);
        let tick_seconds = service * records / ticks;
        Self {
            tick_seconds,
            now: 0,
            backlog: Backlog::default(),
            fleet: Fleet::new(model, ticks as u64, records as u64, tick_seconds),
            sink: Sink::new(model.sink_limit, tick_seconds),
            done: Counters::default(),
            before: Counters::default(),
            worker_seconds: 0.0,
            limit: model.limit,
        }
    }

    /// Seconds since the start.
    pub fn now(&self) -> f64 {
        self.now as f64 * self.tick_seconds
    }

    /// Length of a tick, seconds.
    pub fn tick_seconds(&self) -> f64 {
        self.tick_seconds
    }

    /// One tick, within which `arrivals` records came.
    pub fn tick(&mut self, arrivals: u64) {
        self.worker_seconds += f64::from(self.fleet.all()) * self.tick_seconds;
        self.now += 1;
        self.done.arrived += arrivals;
        self.backlog.add(self.now, arrivals);
        self.fleet.start(self.now);
        let finished = self.fleet.finish(self.now, &mut self.sink);
        self.done.processed += finished.records;
        self.done.busy_seconds += finished.busy_seconds;
        self.fleet.take(self.now, &mut self.backlog);
    }

    /// Orders so many workers. What is ordered is not paid before the next tick.
    pub fn order(&mut self, desired: u32) {
        self.fleet.order(self.now, desired);
    }

    /// The counters begin anew, as when the process that keeps them starts again.
    pub fn forget_counters(&mut self) {
        self.before = self.done;
    }

    /// What the pool shows to the supervisor.
    pub fn observe(&self) -> Observation {
        let in_flight = self.fleet.held();
        Observation {
            backlog: self.backlog.len(),
            in_flight,
            oldest_age: (in_flight + self.backlog.len() > 0)
                .then(|| Duration::from_secs_f64(self.oldest_age())),
            arrived: self.done.arrived - self.before.arrived,
            processed: self.done.processed - self.before.processed,
            busy_seconds: self.done.busy_seconds - self.before.busy_seconds,
            in_service: self.in_service(),
            pending: self.fleet.pending(),
            draining: self.fleet.draining(),
            limit: self.limit,
            ..Observation::default()
        }
    }

    /// Age of the oldest record that is not finished, seconds; zero when there is none.
    pub fn oldest_age(&self) -> f64 {
        let oldest = self.fleet.oldest().or_else(|| self.backlog.oldest());
        oldest.map_or(0.0, |came| self.now.saturating_sub(came) as f64 * self.tick_seconds)
    }

    /// Records that no worker holds.
    pub fn waiting(&self) -> u64 {
        self.backlog.len()
    }

    /// Workers that take records.
    pub fn in_service(&self) -> u32 {
        self.fleet.in_service()
    }

    /// Seconds of all workers until now: starting, in service, draining.
    pub fn worker_seconds(&self) -> f64 {
        self.worker_seconds
    }

    /// Records finished since the start of the world.
    pub fn finished(&self) -> u64 {
        self.done.processed
    }

    /// Records that came, and neither wait, nor are held, nor were finished: none, if no worker that left
    /// dropped what it held.
    pub fn missing(&self) -> u64 {
        let known = self.backlog.len() + self.fleet.held() + self.done.processed;
        self.done.arrived.saturating_sub(known)
    }
}
