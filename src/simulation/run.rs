//! One sizing through one trace.

use super::{
    Ordered, PoolModel, Sizing, cumulative::Cumulative, outcome::Change, outcome::Sample, traces::Trace,
    world::World,
};
use crate::supervisor::Moment;
use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};

/// Load at which the needed workers are reckoned: the share of their time that arrivals take.
pub(super) const NEEDED_LOAD: f64 = 0.8;
/// A Monday, midnight UTC: what schedules see as the start of every run.
const START: i64 = 1_767_571_200;

/// What was seen of a run, second by second.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub samples: Vec<Sample>,
    pub decisions: Vec<Change>,
    /// What the sizing reckoned steady arrivals need, at the end of each second.
    pub wanted: Vec<Option<f64>>,
    /// When workers came into service, seconds, and how many there were then.
    pub arrivals_in_service: Vec<(f64, u32)>,
    pub worker_seconds: f64,
    pub missing: u64,
    pub finished: u64,
    pub was_restarted: bool,
}

/// Seconds that a run goes on after a restart.
pub(super) const AFTER_RESTART: usize = 60;

/// Plays the trace. In the second `restart_at` the sizing and the pool's counters begin anew, if the sizing can,
/// and the run ends a minute later.
pub(super) fn play(
    sizing: &mut dyn Sizing,
    trace: &Trace,
    model: &PoolModel,
    restart_at: Option<usize>,
) -> Run {
    let mut player = Player::new(trace, model);
    let every = sizing.every().as_secs_f64();
    let (mut next_call, mut next_second) = (every, 1.0);
    let end = restart_at.map_or(usize::MAX, |at| at + AFTER_RESTART).min(trace.seconds());
    while player.run.samples.len() < end {
        player.tick();
        let now = player.world.now() + 1e-6;
        if !player.run.was_restarted && restart_at.is_some_and(|at| now >= at as f64) {
            if !sizing.restart(player.moment(), &player.world.observe()) {
                break;
            }
            player.run.was_restarted = true;
            player.world.forget_counters();
        }
        if now >= next_call {
            next_call += every;
            player.ask(sizing);
        }
        if now >= next_second {
            next_second += 1.0;
            player.sample(sizing.wanted());
        }
    }
    player.end()
}

struct Player<'a> {
    trace: &'a Trace,
    model: &'a PoolModel,
    arrived: Cumulative,
    came: u64,
    world: World,
    desired: u32,
    oldest: f64,
    start: Instant,
    run: Run,
}

impl<'a> Player<'a> {
    fn new(trace: &'a Trace, model: &'a PoolModel) -> Self {
        Self {
            trace,
            model,
            arrived: Cumulative::new(&trace.arrivals),
            came: 0,
            world: World::new(model),
            desired: model.first(),
            oldest: 0.0,
            start: Instant::now(),
            run: Run::default(),
        }
    }

    fn moment(&self) -> Moment {
        let since = Duration::from_secs_f64(self.world.now());
        let wall = Timestamp::from_second(START).unwrap_or(Timestamp::UNIX_EPOCH);
        let since_wall = SignedDuration::try_from(since).unwrap_or_default();
        Moment { instant: self.start + since, wall: wall.checked_add(since_wall).unwrap_or(wall) }
    }

    fn tick(&mut self) {
        let until = self.arrived.whole_at(self.world.now() + self.world.tick_seconds());
        let arrivals = until.saturating_sub(self.came);
        self.came += arrivals;
        let before = self.world.in_service();
        self.world.tick(arrivals);
        let after = self.world.in_service();
        if after > before {
            self.run.arrivals_in_service.push((self.world.now(), after));
        }
        self.oldest = self.oldest.max(self.world.oldest_age());
    }

    fn ask(&mut self, sizing: &mut dyn Sizing) {
        let current = Ordered { desired: self.desired, in_service: self.world.in_service() };
        let answer = sizing.desired(self.moment(), current, &self.world.observe());
        let desired = answer.clamp(self.model.min, self.model.max.max(self.model.min));
        if desired != self.desired {
            let change = (self.world.now(), self.desired, desired, sizing.because());
            self.run.decisions.push(change);
            self.world.order(desired);
            self.desired = desired;
        }
    }

    fn sample(&mut self, wanted: Option<f64>) {
        let second = self.run.samples.len();
        let expected = self.trace.expected.get(second).copied().unwrap_or_default();
        self.run.samples.push(Sample {
            second: (second + 1) as f64,
            arrivals_per_second: self.trace.arrivals.get(second).copied().unwrap_or_default() as f64,
            desired: self.desired,
            in_service: self.world.in_service(),
            backlog: self.world.waiting() as f64,
            oldest_age: self.oldest,
            needed: (self.model.needed(expected, NEEDED_LOAD) - 1e-9).ceil() as u32,
        });
        self.run.wanted.push(wanted);
        self.oldest = 0.0;
    }

    fn end(self) -> Run {
        Run {
            worker_seconds: self.world.worker_seconds(),
            missing: self.world.missing(),
            finished: self.world.finished(),
            ..self.run
        }
    }
}
