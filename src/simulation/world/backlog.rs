//! Records that wait, oldest first.

use std::collections::VecDeque;

/// Records by the tick in which they came.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    cohorts: VecDeque<(u64, u64)>,
    records: u64,
}

impl Backlog {
    pub fn add(&mut self, tick: u64, records: u64) {
        if records > 0 {
            self.cohorts.push_back((tick, records));
            self.records += records;
        }
    }

    pub fn len(&self) -> u64 {
        self.records
    }

    /// The tick in which the oldest came.
    pub fn oldest(&self) -> Option<u64> {
        self.cohorts.front().map(|(tick, _)| *tick)
    }

    /// Takes the oldest records out, so many as there are.
    pub fn take(&mut self, most: u64) -> u64 {
        let taken = most.min(self.records);
        let mut left = taken;
        while let Some((_, records)) = self.cohorts.front_mut() {
            let part = left.min(*records);
            *records -= part;
            left -= part;
            if *records > 0 {
                break;
            }
            self.cohorts.pop_front();
        }
        self.records -= taken;
        taken
    }
}
