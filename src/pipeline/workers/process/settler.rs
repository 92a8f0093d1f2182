//! Answers on their way to the log: while one commit is under way the next answers gather.

use crate::{
    pipeline::{
        Retire, Tally, TaskError,
        queue::{read_tally, tally_key},
        workers::{activity::InFlight, pool::Pool, runner::Fate},
    },
    storage::LeasedMessage,
};
use futures::future::BoxFuture;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long answers gather while others of their batch are still to come.
const GATHER: Duration = Duration::from_millis(20);
/// Most bytes of results and reasons that wait; with more the program is not listened to.
const MOST_BYTES: usize = 32 << 20;

/// Settles what one worker's program answered.
pub(super) struct Settler {
    pool: Arc<Pool>,
    retire: Retire,
    key: Arc<str>,
    tally: Tally,
    waiting: Vec<(LeasedMessage, Fate)>,
    bytes: usize,
    since: Option<Instant>,
    under_way: Option<BoxFuture<'static, (usize, Result<Tally, TaskError>)>>,
    in_flight: InFlight,
}

impl Settler {
    /// `slot` names the durable tally.
    ///
    /// # Errors
    /// [`TaskError`] when the tally cannot be read.
    pub fn new(pool: Arc<Pool>, slot: &str, retire: Retire) -> Result<Self, TaskError> {
        let key = tally_key(&pool.context.node, slot);
        let tally = read_tally(&pool.context.store, &key)?;
        let (waiting, key, in_flight) = (Vec::new(), key.into(), pool.activity.in_flight());
        Ok(Self { pool, retire, key, tally, waiting, bytes: 0, since: None, under_way: None, in_flight })
    }

    /// Counts messages that were received: each is in flight until it is settled.
    pub fn received(&mut self, messages: usize) {
        self.in_flight.received(messages);
    }

    pub fn add(&mut self, message: LeasedMessage, fate: Fate, now: Instant) {
        self.bytes += size(&fate);
        self.since.get_or_insert(now);
        self.waiting.push((message, fate));
    }

    /// Nothing waits and nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_none()
    }

    /// Too much waits: what comes in must wait too.
    pub fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES
    }

    /// When the next commit should begin.
    pub fn due(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.under_way.is_none());
        since.map(|since| if self.is_full() { since } else { since + GATHER })
    }

    /// Begins to commit what waits, if anything does and no commit is under way.
    pub fn begin(&mut self) {
        if self.under_way.is_some() || self.waiting.is_empty() {
            return;
        }
        (self.bytes, self.since) = (0, None);
        let answered = std::mem::take(&mut self.waiting);
        let (pool, key, retire) = (Arc::clone(&self.pool), Arc::clone(&self.key), self.retire.clone());
        let tally = self.tally;
        self.under_way = Some(Box::pin(async move {
            let settlements = pool.settlements(answered);
            (settlements.len(), pool.settle(&settlements, &key, tally, &retire).await)
        }));
    }

    /// Waits for the commit under way; for ever when there is none. May be dropped and called again.
    pub async fn settled(&mut self) -> Result<(), TaskError> {
        let Some(under_way) = &mut self.under_way else { return std::future::pending().await };
        let (messages, settled) = under_way.await;
        self.under_way = None;
        self.in_flight.settled(messages);
        self.tally = settled?;
        Ok(())
    }

    /// Commits all that waits.
    pub async fn finish(&mut self) -> Result<(), TaskError> {
        while !self.is_idle() {
            self.begin();
            self.settled().await?;
        }
        Ok(())
    }
}

fn size(fate: &Fate) -> usize {
    match fate {
        Fate::Done(results) => results.iter().map(bytes::Bytes::len).sum(),
        Fate::Hopeless { reason } | Fate::Failed { reason, .. } | Fate::Interrupted { reason } => {
            reason.len()
        }
        Fate::Filtered | Fate::Returned => 0,
    }
}
