//! One connection: its requests go one after the other, so that the records of a key keep their order.

use super::{
    book::Book,
    lane::{Due, Lane, Turn},
};
use crate::load::{
    ledger::{Ledger, Standing},
    records::{Maker, OwnKeys},
    target::{Answer, Parcel, Sealed, Sender},
};
use bytes::Bytes;
use rand::{SeedableRng, rngs::SmallRng};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Waits before a connection is tried again: the first, doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// Bytes to begin a record's buffer with.
const USUAL_RECORD: usize = 512;

/// Sends the records of its keys.
#[derive(Debug)]
pub(super) struct Producer {
    pub number: u32,
    pub sender: Sender,
    pub lane: Arc<Lane>,
    pub book: Arc<Book>,
    pub maker: Maker,
    pub own_keys: OwnKeys,
    pub seed: u64,
    pub batch: usize,
    pub timeout: Duration,
    /// The begin of the run, and the same in milliseconds since the epoch.
    pub begin: Instant,
    pub began_at: i64,
}

impl Producer {
    /// Works until the lane ends; gives the ledger of all that was sent.
    pub(super) async fn run(self) -> Ledger {
        let mut ledger = Ledger::default();
        let mut random = SmallRng::seed_from_u64(self.seed ^ u64::from(self.number));
        let (mut due, mut late) = (Vec::new(), Vec::new());
        loop {
            let now = self.begin.elapsed();
            let turn = self.lane.take(now, self.batch, &mut due, &mut late);
            self.give_up(&mut late);
            match turn {
                Turn::Send => {}
                Turn::SendOwn(stage) => {
                    let own = |_| Due { at: now, key: self.own_keys.draw(&mut random), stage };
                    due.extend((0..self.batch).map(own));
                    self.book.write(|page| page.stage(stage).planned += due.len() as u64);
                }
                Turn::Wait => {
                    self.lane.news().await;
                    continue;
                }
                Turn::End => return ledger,
            }
            self.deliver(&due, &mut ledger).await;
            due.clear();
        }
    }

    fn give_up(&self, late: &mut Vec<Due>) {
        if !late.is_empty() {
            self.book.write(|page| late.drain(..).for_each(|due| page.stage(due.stage).unsent += 1));
        }
    }

    /// Sends a request, once. Only one that never left is tried again: until the timeout, as a client does
    /// whose server is away for a moment.
    async fn deliver(&self, due: &[Due], ledger: &mut Ledger) {
        let parcel = self.pack(due, ledger);
        let (begun, mut wait) = (Instant::now(), FIRST_WAIT);
        let answer = loop {
            match self.sender.send(&parcel).await {
                Answer::Unreached if begun.elapsed() < self.timeout => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                answer => break answer,
            }
        };
        self.settle(&answer, due, &parcel, ledger);
    }

    fn pack(&self, due: &[Due], ledger: &mut Ledger) -> Parcel {
        let mut lines = Vec::with_capacity(due.len() * USUAL_RECORD);
        let mut records = Vec::with_capacity(due.len());
        for due in due {
            let number = ledger.send(due.key);
            let at = self.began_at.saturating_add(i64::try_from(due.at.as_millis()).unwrap_or(i64::MAX));
            self.maker.write(number, due.key, at, &mut lines);
            records.push(Sealed { end: lines.len(), key: due.key, number });
            lines.push(b'\n');
        }
        Parcel { producer: self.number, records, lines: Bytes::from(lines) }
    }

    fn settle(&self, answer: &Answer, due: &[Due], parcel: &Parcel, ledger: &mut Ledger) {
        let now = self.begin.elapsed();
        let standing = |at: usize| match answer {
            Answer::All(standing) => *standing,
            Answer::Each(standings) => standings.get(at).copied().unwrap_or(Standing::Unknown),
            Answer::Unreached => Standing::Unsent,
        };
        self.book.write(|page| {
            if let Some(first) = due.first().filter(|_| *answer != Answer::Unreached) {
                let totals = page.stage(first.stage);
                totals.requests += 1;
                totals.bytes += parcel.bytes();
            }
            for (at, (due, record)) in due.iter().zip(&parcel.records).enumerate() {
                let standing = standing(at);
                ledger.settle(record.number, standing);
                let totals = page.stage(due.stage);
                totals.sent += u64::from(standing != Standing::Unsent);
                match standing {
                    Standing::Accepted => page.accept(due.stage, now.saturating_sub(due.at)),
                    Standing::Refused => totals.refused += 1,
                    Standing::Unsent => totals.unsent += 1,
                    Standing::Unknown | Standing::Sent => totals.unknown += 1,
                }
            }
        });
    }
}
