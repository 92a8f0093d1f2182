//! The workers of a pool by what they do.

use super::{backlog::Backlog, sink::Sink};
use crate::simulation::PoolModel;
use std::collections::VecDeque;

/// Workers that took records in the same tick.
#[derive(Debug)]
struct Shift {
    /// Tick in which the work is done.
    done: u64,
    workers: u64,
    /// Records not yet taken by the sink.
    records: u64,
    /// Tick in which the oldest of them came.
    oldest: u64,
}

/// What became of a tick's finished work.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub records: u64,
    pub busy_seconds: f64,
}

#[derive(Debug)]
pub(super) struct Fleet {
    /// Ticks that a worker takes for its records.
    ticks: u64,
    /// Records that a worker takes at once: more than one when a tick is longer than a record.
    at_once: u64,
    service_seconds: f64,
    tick_seconds: f64,
    start_ticks: u64,
    desired: u32,
    /// Ticks in which workers come into service, and how many.
    starting: VecDeque<(u64, u32)>,
    pending: u32,
    idle: u64,
    busy: u64,
    /// Of the busy ones, how many leave when they have finished.
    leaving: u64,
    shifts: VecDeque<Shift>,
    held: u64,
}

impl Fleet {
    pub fn new(model: &PoolModel, ticks: u64, at_once: u64, tick_seconds: f64) -> Self {
        Self {
            ticks,
            at_once,
            service_seconds: model.service.as_secs_f64(),
            tick_seconds,
            start_ticks: (model.start.as_secs_f64() / tick_seconds - 1e-6).ceil().max(0.0) as u64,
            desired: model.first(),
            starting: VecDeque::new(),
            pending: 0,
            idle: u64::from(model.first()),
            busy: 0,
            leaving: 0,
            shifts: VecDeque::new(),
            held: 0,
        }
    }

    pub fn all(&self) -> u32 {
        u32::try_from(u64::from(self.pending) + self.idle + self.busy).unwrap_or(u32::MAX)
    }

    pub fn pending(&self) -> u32 {
        self.pending
    }

    pub fn in_service(&self) -> u32 {
        u32::try_from(self.idle + self.busy - self.leaving).unwrap_or(u32::MAX)
    }

    pub fn draining(&self) -> u32 {
        u32::try_from(self.leaving).unwrap_or(u32::MAX)
    }

    /// Records that workers hold.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// The tick in which the oldest record that a worker holds came.
    pub fn oldest(&self) -> Option<u64> {
        self.shifts.front().map(|shift| shift.oldest)
    }

    pub fn order(&mut self, now: u64, desired: u32) {
        if desired > self.desired {
            let more = desired - self.desired;
            self.pending += more;
            self.starting.push_back((now + self.start_ticks, more));
        } else {
            self.dismiss(self.desired - desired);
        }
        self.desired = desired;
    }

    /// The latest ordered leave first, then the idle, then whoever finishes next.
    fn dismiss(&mut self, mut surplus: u32) {
        while surplus > 0 {
            let Some((_, workers)) = self.starting.back_mut() else { break };
            let gone = surplus.min(*workers);
            *workers -= gone;
            self.pending -= gone;
            surplus -= gone;
            if *workers == 0 {
                self.starting.pop_back();
            }
        }
        let idle = u64::from(surplus).min(self.idle);
        self.idle -= idle;
        self.leaving += u64::from(surplus) - idle;
    }

    /// Workers whose start is over come into service.
    pub fn start(&mut self, now: u64) {
        while let Some((_, workers)) = self.starting.pop_front_if(|(at, _)| *at <= now) {
            self.pending -= workers;
            self.idle += u64::from(workers);
        }
    }

    /// Finished records go to the sink, and their workers are idle or leave.
    pub fn finish(&mut self, now: u64, sink: &mut Sink) -> Finished {
        sink.refill();
        let mut finished = Finished::default();
        while let Some(shift) = self.shifts.front_mut().filter(|shift| shift.done <= now) {
            let records = sink.take(shift.records);
            shift.records -= records;
            let still = shift.records.min(shift.workers);
            let free = shift.workers - still;
            shift.workers = still;
            let blocked = (now - shift.done) as f64 * self.tick_seconds;
            finished.records += records;
            finished.busy_seconds += records as f64 * self.service_seconds + free as f64 * blocked;
            self.held -= records;
            self.busy -= free;
            let gone = free.min(self.leaving);
            self.leaving -= gone;
            self.idle += free - gone;
            if shift.records > 0 {
                break;
            }
            self.shifts.pop_front();
        }
        finished
    }

    /// Idle workers take the oldest records, as evenly as can be.
    pub fn take(&mut self, now: u64, backlog: &mut Backlog) {
        let Some(oldest) = backlog.oldest().filter(|_| self.idle > 0) else { return };
        let records = backlog.take(self.idle * self.at_once);
        let workers = records.min(self.idle);
        self.idle -= workers;
        self.busy += workers;
        self.held += records;
        self.shifts.push_back(Shift { done: now + self.ticks, workers, records, oldest });
    }
}
