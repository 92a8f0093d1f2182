//! The clock of the open model: puts each record into its producer's lane when it is due.

use super::{
    book::Book,
    lane::{Due, Lane},
};
use crate::load::{
    arrivals::{Mode, StagePlan},
    records::KeyLots,
};
use rand::{SeedableRng, rngs::SmallRng};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Naps are no shorter, so that high rates do not wake it for each record, and no longer, so that it can be
/// stopped.
const SHORTEST_NAP: Duration = Duration::from_micros(500);
const LONGEST_NAP: Duration = Duration::from_millis(50);
/// Records after which it hands on what it has, when it is late.
const MOST_AT_ONCE: usize = 8_192;

/// Goes through the stages on a thread of its own: a runtime's timers tell whole milliseconds only.
#[derive(Debug)]
pub(super) struct Planner {
    pub stages: Vec<StagePlan>,
    pub lots: KeyLots,
    pub lanes: Vec<Arc<Lane>>,
    pub book: Arc<Book>,
    pub seed: u64,
    pub begin: Instant,
    pub is_stopped: Arc<AtomicBool>,
}

/// What is due now, by producer.
#[derive(Debug)]
struct Hands {
    due: Vec<Vec<Due>>,
    count: usize,
}

impl Planner {
    pub(super) fn run(self) {
        let mut from = Duration::ZERO;
        for (number, stage) in (0..).zip(&self.stages) {
            match stage.mode {
                Mode::Open { .. } => self.open(number, stage, from),
                Mode::Closed => self.lanes.iter().for_each(|lane| lane.close(number, from + stage.length)),
            }
            from += stage.length;
            self.sleep_until(from);
        }
        self.lanes.iter().for_each(|lane| lane.end());
    }

    fn open(&self, number: u32, stage: &StagePlan, from: Duration) {
        let seed = self.seed.wrapping_add(u64::from(number));
        let mut random = SmallRng::seed_from_u64(!seed);
        let mut hands = Hands { due: vec![Vec::new(); self.lanes.len()], count: 0 };
        let mut arrivals = stage.arrivals(seed).map(|at| from + at).peekable();
        while let Some(next) = arrivals.peek().copied() {
            if !self.sleep_until(next) {
                return;
            }
            let now = self.begin.elapsed();
            while hands.count < MOST_AT_ONCE {
                let Some(at) = arrivals.next_if(|at| *at <= now) else { break };
                let key = self.lots.draw(&mut random);
                if let Some(due) = hands.due.get_mut(key.producer as usize) {
                    due.push(Due { at, key: key.index, stage: number });
                    hands.count += 1;
                }
            }
            self.hand_on(number, &mut hands);
        }
    }

    fn hand_on(&self, stage: u32, hands: &mut Hands) {
        let mut unsent = 0;
        for (lane, due) in self.lanes.iter().zip(&mut hands.due) {
            if !due.is_empty() {
                unsent += lane.push(due).len() as u64;
            }
        }
        let planned = std::mem::take(&mut hands.count) as u64;
        self.book.write(|page| {
            let totals = page.stage(stage);
            totals.planned += planned;
            totals.unsent += unsent;
        });
    }

    /// Whether it is that late now; not, when it was stopped. An instant in the past still has a nap, so that
    /// what is due comes together.
    fn sleep_until(&self, instant: Duration) -> bool {
        thread::sleep(SHORTEST_NAP);
        loop {
            if self.is_stopped.load(Ordering::Relaxed) {
                return false;
            }
            let left = instant.saturating_sub(self.begin.elapsed());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(LONGEST_NAP));
        }
    }
}
