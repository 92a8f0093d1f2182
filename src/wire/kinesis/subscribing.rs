//! SubscribeToShard: records are pushed to a registered consumer as soon as they are on disk.
//!
//! Events are made when the connection takes them, one at a time: a slow client holds no more than one.

use super::{
    Kinesis, Reader, choice, consumers, describing,
    errors::{self, under_account},
    outflow::Outflow,
    polling::origin,
    position::{self, Place, Shown},
    reading::{self, Portion, Portioned},
    shard_name::{shard_index, shard_name},
    shard_to_read,
    subscriptions::Subscription,
    writing::encryption,
};
use crate::{
    pipeline::{
        now_ms,
        stream::{
            Shard,
            directory::{ConsumerDescription, Directory, StreamIdentity, StreamResource, StreamStatus},
        },
    },
    storage::Page,
    wire::{Event, Input, Output, Reply, Rows, ServiceError},
};
use futures::StreamExt;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long nothing is told while nothing comes.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a change of the shard, the consumer or the stream can go unnoticed.
const LOOK: Duration = Duration::from_millis(500);
/// What one event may hold.
const PORTION: Portion = Portion { records: 5_000, bytes: 1 << 20 };

pub(super) async fn subscribe_to_shard(kinesis: &Kinesis, input: Input) -> Result<Reply, ServiceError> {
    let arn = input.text("ConsumerARN").unwrap_or_default();
    let (identity, name, created_s) = choice::consumer_of_arn(arn)?;
    let (resource, consumer) = consumers::find(kinesis, &identity, &name, Some(created_s))?;
    if consumer.status != StreamStatus::Active {
        return Err(not_active(&consumer, &identity));
    }
    let named = input.text("ShardId").unwrap_or_default();
    let index = shard_index(named).ok_or_else(|| errors::no_shard(named, &identity))?;
    let shard = shard_to_read(&resource, index)?;
    let position = starting_position(&input, &resource, &shard).await?;
    if input.boolean("DryRun") == Some(true) {
        return Err(errors::dry_run());
    }
    let now = Instant::now();
    let subscription = kinesis.subscriptions.begin(arn, index, now);
    let subscription = subscription.ok_or_else(|| already_subscribed(&identity, index, &name))?;
    let is_limited = resource.stream.section().limits.is_some();
    let reader = Reader { shard: shard.id, consumer: Some(arn.to_owned()) };
    let feed = Feed {
        directory: Arc::clone(&kinesis.directory),
        outflow: is_limited.then(|| kinesis.outflows.of(reader, now)),
        resource,
        consumer: name,
        shard,
        position,
        ends: now + kinesis.directory.settings().subscription.0,
        subscription,
        has_begun: false,
    };
    Ok(Reply::Events(futures::stream::unfold(Some(feed), next).boxed()))
}

fn not_active(consumer: &ConsumerDescription, stream: &StreamIdentity) -> ServiceError {
    errors::in_use(format!(
        "Consumer {} with creation timestamp {} under stream {} and account {} is not in ACTIVE status.",
        consumer.name,
        consumer.created_at_ms.div_euclid(1_000),
        stream.name,
        stream.account
    ))
}

fn already_subscribed(stream: &StreamIdentity, shard: u32, consumer: &str) -> ServiceError {
    errors::in_use(format!(
        "Another active subscription exists for this consumer: {}:{}:{}:{consumer}",
        stream.account,
        stream.name,
        shard_name(shard)
    ))
}

async fn starting_position(
    input: &Input,
    resource: &StreamResource,
    shard: &Shard,
) -> Result<u64, ServiceError> {
    let asked = input.structure("StartingPosition");
    let place = Place {
        kind: asked.and_then(|asked| asked.text("Type")).unwrap_or_default(),
        number: asked.and_then(|asked| asked.text("SequenceNumber")),
        time: asked.and_then(|asked| asked.timestamp("Timestamp")),
    };
    let operation = "SubscribeToShard";
    let shown = Shown { stream: &resource.identity, origin: origin(shard), id: shard.id, operation };
    position::resolve(place, shown, resource.stream.store(), now_ms()).await
}

/// A running subscription.
struct Feed {
    directory: Arc<Directory>,
    resource: Arc<StreamResource>,
    consumer: String,
    shard: Arc<Shard>,
    /// The next sequence to push.
    position: u64,
    ends: Instant,
    outflow: Option<Arc<Outflow>>,
    subscription: Subscription,
    /// The first event goes out at once, even when it is empty.
    has_begun: bool,
}

/// What comes next.
enum Step {
    Records(Portioned),
    Nothing,
    EndOfShard(Option<Portioned>),
    EndOfTime,
}

/// The next event, and the subscription if it goes on.
async fn next(feed: Option<Feed>) -> Option<(Event, Option<Feed>)> {
    let mut feed = feed?;
    let waiting = Waiting::of(&feed);
    let step = tokio::select! {
        biased;
        () = feed.subscription.taken_over() => {
            let identity = &feed.resource.identity;
            let taken = already_subscribed(identity, feed.shard.index, &feed.consumer);
            return Some((Event::Exception(taken), None));
        }
        step = advance(&feed.directory, &feed.resource, &feed.shard, waiting) => step,
    };
    match step {
        Ok(Step::Records(read)) => Some((feed.push(read), Some(feed))),
        Ok(Step::Nothing) => Some((feed.push_nothing(), Some(feed))),
        Ok(Step::EndOfShard(read)) => Some((feed.push_last(read), None)),
        Ok(Step::EndOfTime) => None,
        Err(error) => Some((Event::Exception(error), None)),
    }
}

/// What `advance` goes by.
struct Waiting {
    consumer: String,
    position: u64,
    ends: Instant,
    outflow: Option<Arc<Outflow>>,
    silent_until: Instant,
}

impl Waiting {
    fn of(feed: &Feed) -> Self {
        let silence = if feed.has_begun { SILENCE } else { Duration::ZERO };
        Self {
            consumer: feed.consumer.clone(),
            position: feed.position,
            ends: feed.ends,
            outflow: feed.outflow.clone(),
            silent_until: Instant::now() + silence,
        }
    }
}

/// Waits until there is something to tell.
async fn advance(
    directory: &Directory,
    resource: &Arc<StreamResource>,
    shard: &Shard,
    waiting: Waiting,
) -> Result<Step, ServiceError> {
    let store = resource.stream.store();
    loop {
        let now = Instant::now();
        let left = waiting.ends.saturating_duration_since(now);
        if left.is_zero() {
            return Ok(Step::EndOfTime);
        }
        still_there(directory, resource, &waiting.consumer)?;
        let paid = waiting.outflow.as_ref().map_or(Duration::ZERO, |outflow| outflow.wait(now));
        if !paid.is_zero() {
            tokio::time::sleep(paid.min(left).min(LOOK)).await;
            continue;
        }
        let read = reading::read(store, shard.id, waiting.position, PORTION, now_ms()).await?;
        if let Some(outflow) = &waiting.outflow {
            outflow.take(read.bytes, now);
        }
        let is_empty = read.page.is_empty();
        if reading::is_at_end(resource, shard, read.page.next()) {
            return Ok(Step::EndOfShard((!is_empty).then_some(read)));
        }
        if !is_empty {
            return Ok(Step::Records(read));
        }
        let silence = waiting.silent_until.saturating_duration_since(now);
        if silence.is_zero() {
            return Ok(Step::Nothing);
        }
        store.wait_for_records(shard.id, read.page.next(), silence.min(left).min(LOOK)).await;
    }
}

/// A subscription ends with its consumer and its stream.
fn still_there(
    directory: &Directory,
    resource: &Arc<StreamResource>,
    consumer: &str,
) -> Result<(), ServiceError> {
    let held = directory.get(&resource.identity).filter(|held| Arc::ptr_eq(held, resource));
    let held = held.ok_or_else(|| errors::stream_not_found(&resource.identity))?;
    let found = held.consumer(consumer, now_ms()).map_err(|error| errors::refused(&error))?;
    match found.status {
        StreamStatus::Deleting => Err(errors::not_found(format!(
            "Consumer {consumer} under stream {} is being deregistered.",
            under_account(&resource.identity)
        ))),
        _ => Ok(()),
    }
}

impl Feed {
    fn told(&self, page: Page) -> Rows {
        reading::told(origin(&self.shard), page, encryption(&self.resource))
    }

    fn push(&mut self, read: Portioned) -> Event {
        self.position = read.page.next();
        self.has_begun = true;
        let last = read.page.last().map_or_else(now_ms, |last| last.arrived_at_ms);
        let behind = read.behind_ms;
        self.event(read.page, last, behind)
    }

    fn push_nothing(&mut self) -> Event {
        self.has_begun = true;
        self.event(Page::default(), now_ms(), 0)
    }

    fn event(&self, page: Page, at_ms: i64, behind_ms: i64) -> Event {
        let continuation = origin(&self.shard).before(self.position, at_ms).to_string();
        let told = Output::new()
            .with("Records", self.told(page))
            .with("ContinuationSequenceNumber", continuation)
            .with("MillisBehindLatest", behind_ms);
        Event::Of("SubscribeToShardEvent", told)
    }

    /// The end of a closed shard has no continuation but children.
    fn push_last(&self, read: Option<Portioned>) -> Event {
        let children = describing::children(&self.resource, self.shard.index);
        let page = read.map(|read| read.page).unwrap_or_default();
        let told = Output::new()
            .with("Records", self.told(page))
            .with("MillisBehindLatest", 0_i64)
            .with_list("ChildShards", children);
        Event::Of("SubscribeToShardEvent", told)
    }
}
