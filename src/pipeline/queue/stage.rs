//! A queue as a node: feeders, the move to the dead-letter queue, and what it shows.

use super::{Quarantine, Queue, feeder::Feed, redrive::Redrive, sum_tallies};
use crate::{
    pipeline::{Capacity, Context, Kind, Observation, Stage, Tasks, now_ms, rules::Filter, stream::Stream},
    storage::QueueDepth,
    telemetry::ShardMetrics,
};
use std::{sync::Arc, time::Duration};

const REDRIVE: &str = "redrive";

/// The node of a queue.
#[derive(Debug)]
pub struct QueueStage {
    context: Context,
    queue: Arc<Queue>,
    feed: Option<Arc<Feed>>,
    redrive: Option<Arc<Redrive>>,
    shown: ShardMetrics,
    /// What the queue had counted when the process started.
    before: QueueDepth,
    /// What it had counted when it was last shown.
    last: QueueDepth,
}

impl QueueStage {
    /// `feed` is the stream that fills the queue, perhaps filtered.
    pub fn new(
        context: Context,
        queue: Arc<Queue>,
        dead_letter: Option<Arc<Queue>>,
        feed: Option<(Arc<Stream>, Option<Filter>)>,
    ) -> Self {
        let feed = feed.map(|(stream, filter)| {
            let quarantine =
                Quarantine::new(Arc::clone(&context.node), context.store.clone(), dead_letter.clone());
            Arc::new(Feed { context: context.clone(), queue: Arc::clone(&queue), stream, filter, quarantine })
        });
        let redrive = dead_letter.map(|dead_letter| {
            Arc::new(Redrive { context: context.clone(), queue: Arc::clone(&queue), dead_letter })
        });
        let before = queue.depth();
        let shown = context.metrics.shard(0);
        Self { context, queue, feed, redrive, shown, before, last: before }
    }

    /// Records of the stream that no feeder has read.
    fn unread(&self) -> Option<u64> {
        let feed = self.feed.as_ref()?;
        let unread = |shard: &crate::pipeline::stream::Shard| {
            let range = self.context.store.range(shard.id)?;
            let next = self.context.store.checkpoint(&self.context.node, shard.id).unwrap_or(range.first);
            Some(range.next.saturating_sub(next))
        };
        Some(feed.stream.layout().shards().iter().filter_map(|shard| unread(shard)).sum())
    }
}

/// How long the oldest message has been there; zero when clocks disagree.
pub fn oldest_age(depth: &QueueDepth, now_ms: i64) -> Option<Duration> {
    let sent_at_ms = depth.oldest_sent_at_ms?;
    Some(Duration::from_millis(u64::try_from(now_ms.saturating_sub(sent_at_ms)).unwrap_or(0)))
}

impl Stage for QueueStage {
    fn kind(&self) -> Kind {
        Kind::Queue
    }

    fn reconcile(&mut self, _desired: Capacity, tasks: &mut Tasks) {
        if let Some(feed) = &self.feed {
            for shard in feed.stream.layout().readable(&self.context.store, &self.context.node) {
                let (feed, index) = (Arc::clone(feed), shard.index);
                tasks.ensure(&format!("feed-{index}"), |retire| feed.run(index, retire));
            }
        }
        if let Some(redrive) = &self.redrive {
            let redrive = Arc::clone(redrive);
            tasks.ensure(REDRIVE, |retire| redrive.run(retire));
        }
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        let depth = self.queue.depth();
        let oldest_age = oldest_age(&depth, now_ms());
        let backlog = depth.ready.saturating_add(depth.delayed);
        self.shown.accepted(depth.sent.saturating_sub(self.last.sent), 0);
        let expired = depth.expired.saturating_sub(self.last.expired);
        if expired > 0 {
            tracing::warn!(
                queue = self.queue.name(),
                messages = expired,
                "messages older than the retention were dropped"
            );
        }
        self.last = depth;
        self.shown.show_backlog(backlog, oldest_age.unwrap_or_default().as_secs_f64());
        self.context.metrics.show_in_flight(depth.in_flight);
        let mut observation = Observation {
            backlog,
            in_flight: depth.in_flight,
            oldest_age,
            arrived: depth.sent.saturating_sub(self.before.sent),
            processed: depth.deleted.saturating_sub(self.before.deleted),
            in_service: u32::try_from(tasks.in_service().count()).unwrap_or(u32::MAX),
            tally: self.feed.is_some().then(|| sum_tallies(&self.context.store, &self.context.node)),
            ..Observation::default()
        };
        let details = [
            ("sent", Some(depth.sent)),
            ("deleted", Some(depth.deleted)),
            ("expired", Some(depth.expired)),
            ("exhausted", Some(depth.exhausted)),
            ("unread", self.unread()),
            ("redriven", self.redrive.as_ref().map(|redrive| redrive.moved())),
        ];
        let known = details.into_iter().filter_map(|(name, count)| Some((name.to_owned(), count?.into())));
        observation.detail.extend(known);
        observation
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        tasks.retire_all();
    }
}
