//! A pool in tests: a queue of records, workers that take time to start, one observation a second.

use super::{Autoscaler, Moment, Verdict};
use crate::pipeline::{Observation, Scale};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Parts of a second that the world moves in.
const PARTS: u32 = 10;

pub(super) struct Trial {
    pub scaler: Autoscaler,
    pub seen: Observation,
    /// Records per second of a worker.
    pub per_worker: f64,
    pub start: Duration,
    /// Records per second that all workers together can hand on.
    pub sink: f64,
    /// Arrivals vary by chance, as independent records do.
    pub chance: Option<SmallRng>,
    pub now: Moment,
    pub seconds: u32,
    pub log: Vec<(u32, u32, u32, String)>,
    pub would: Vec<(u32, String)>,
    pub foretold: Vec<(u32, String)>,
    pub oldest: f64,
    pub cost: f64,
    ready: Vec<f64>,
    waiting: VecDeque<(f64, f64)>,
    arrived: f64,
    processed: f64,
}

pub(super) fn moment() -> Moment {
    Moment { instant: Instant::now(), wall: "2026-03-02T00:00:00Z".parse().unwrap() }
}

impl Trial {
    pub fn new(scale: &Scale) -> Self {
        let scaler = Autoscaler::new(scale);
        let ready = vec![0.0; scaler.desired().0 as usize];
        Self {
            scaler,
            seen: Observation::default(),
            per_worker: 10.0,
            start: Duration::from_secs(5),
            sink: f64::INFINITY,
            chance: None,
            now: moment(),
            seconds: 0,
            log: Vec::new(),
            would: Vec::new(),
            foretold: Vec::new(),
            oldest: 0.0,
            cost: 0.0,
            ready,
            waiting: VecDeque::new(),
            arrived: 0.0,
            processed: 0.0,
        }
    }

    pub fn seeded(mut self, seed: u64) -> Self {
        self.chance = Some(SmallRng::seed_from_u64(seed));
        self
    }

    pub fn desired(&self) -> u32 {
        self.scaler.desired().0
    }

    pub fn backlog(&self) -> f64 {
        self.waiting.iter().map(|(_, records)| records).sum()
    }

    /// Records of one part of a second: Poisson by counting, or the mean itself.
    fn arriving(&mut self, mean: f64) -> f64 {
        let Some(chance) = &mut self.chance else { return mean };
        if mean > 50.0 {
            let (one, other): (f64, f64) = (chance.random_range(f64::EPSILON..1.0), chance.random());
            let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
            return (mean + normal * mean.sqrt()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), chance.random::<f64>(), 0.0);
        while product > limit {
            product *= chance.random::<f64>();
            count += 1.0;
        }
        count
    }

    fn part(&mut self, arriving: f64) {
        let clock = self.clock();
        let length = 1.0 / f64::from(PARTS);
        let came = self.arriving(arriving * length);
        self.arrived += came;
        if came > 0.0 {
            self.waiting.push_back((clock, came));
        }
        let in_service = self.ready.iter().filter(|at| **at <= clock).count() as f64;
        let mut capacity = (in_service * self.per_worker).min(self.sink) * length;
        self.seen.busy_seconds += (self.backlog() / self.per_worker).min(in_service * length);
        while let Some((_, records)) = self.waiting.front_mut() {
            let done = records.min(capacity);
            *records -= done;
            capacity -= done;
            self.processed += done;
            if *records > 1e-9 {
                break;
            }
            self.waiting.pop_front();
        }
        self.cost += self.ready.len() as f64 * length;
        self.now.instant += Duration::from_secs(1) / PARTS;
        self.now.wall += Duration::from_secs(1) / PARTS;
        let age = self.waiting.front().map_or(0.0, |(came, _)| self.clock() - came);
        self.oldest = self.oldest.max(age);
    }

    fn clock(&self) -> f64 {
        self.now.instant.duration_since(self.begun()).as_secs_f64()
    }

    fn begun(&self) -> Instant {
        self.now.instant - (self.now.wall.duration_since(moment().wall)).unsigned_abs()
    }

    /// One second, and what the autoscaler makes of it.
    pub fn second(&mut self, arriving: f64) {
        self.pass(arriving);
        self.decide();
    }

    pub fn pass(&mut self, arriving: f64) {
        (0..PARTS).for_each(|_| self.part(arriving));
        self.seconds += 1;
        let clock = self.clock();
        let in_service = self.ready.iter().filter(|at| **at <= clock).count();
        self.seen.arrived = self.arrived as u64;
        self.seen.processed = self.processed as u64;
        self.seen.backlog = self.backlog().round() as u64;
        self.seen.in_service = in_service as u32;
        self.seen.pending = (self.ready.len() - in_service) as u32;
        self.seen.oldest_age =
            self.waiting.front().map(|(came, _)| Duration::from_secs_f64((clock - came).max(0.0)));
    }

    pub fn decide(&mut self) {
        let from = self.desired();
        match self.scaler.decide(self.now, &self.seen) {
            Verdict::Scale(decision) => {
                self.log.push((self.seconds, from, decision.to.0, decision.because));
            }
            Verdict::Would(decision) => self.would.push((decision.to.0, decision.because)),
            Verdict::Forecast(decision) => self.foretold.push((decision.to.0, decision.because)),
            Verdict::Hold => {}
        }
        self.staff();
    }

    /// The process stops after a last look, and starts at once with what it kept, as text.
    pub fn restart(&mut self, scale: &Scale) {
        self.scaler.learn(self.now, &self.seen);
        let kept = serde_json::to_string(&self.scaler.remember(self.now)).unwrap();
        self.scaler = Autoscaler::new(scale);
        self.scaler.recall(self.now, &serde_json::from_str(&kept).unwrap());
    }

    /// Starts workers that are ordered and missing, and lets those go that are too many.
    pub fn staff(&mut self) {
        let ready = self.clock() + self.start.as_secs_f64();
        self.ready.resize(self.desired() as usize, ready);
    }

    pub fn seconds(&mut self, count: u32, arriving: f64) {
        for _ in 0..count {
            self.second(arriving);
        }
    }

    /// Records that come all at once.
    pub fn batch(&mut self, records: f64) {
        self.waiting.push_back((self.clock(), records));
        self.arrived += records;
    }

    pub fn reversals(&self) -> usize {
        let ups: Vec<bool> = self.log.iter().map(|(_, from, to, _)| to > from).collect();
        ups.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}
