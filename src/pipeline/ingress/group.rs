//! Requests that are stored together: one batch, one flush, one answer for each.

use super::{
    Reply,
    answer::{Placed, Told, taken},
    encoding::Encoding,
    intake::{Intake, Request, Route},
    key::KeyChoice,
    once::{self, LARGEST_NOTE, Note},
    prepare::{Prepared, Rules, Share, prepare},
};
use crate::storage::{Batch, CommitError, Committed, RecordBlock};
use bytes::Bytes;
use rand::rngs::SmallRng;
use std::time::Instant;
use tokio::sync::oneshot;

/// Requests whose records lie in the same blocks.
#[derive(Debug, Default)]
pub(super) struct Group {
    lanes: Vec<Lane>,
    waiting: Vec<Waiting>,
    bytes: usize,
}

/// The records of one shard, or of one queue.
#[derive(Debug)]
struct Lane {
    route: usize,
    shard: u32,
    block: RecordBlock,
}

/// A request whose records are in the group.
#[derive(Debug)]
struct Waiting {
    route: usize,
    answer: oneshot::Sender<Reply>,
    /// What came, for a shard may close before its records are on disk.
    sent: SentBody,
    told: Told,
    shares: Vec<Lying>,
    /// Idempotency key, and the hash of what came under it.
    once: Option<(String, u128)>,
}

/// A request's body and how its records are to be keyed.
#[derive(Debug)]
struct SentBody {
    body: Bytes,
    encoding: Encoding,
    key: Option<String>,
    idempotency_key: Option<String>,
    came: Instant,
}

/// A share of a request, and where in its lane it begins.
#[derive(Debug, Clone, Copy)]
struct Lying {
    share: Share,
    lane: usize,
    base: u32,
}

/// A group on its way to the disk.
#[derive(Debug)]
pub(super) struct Sent {
    /// For each lane: its shard, and its place among the placements.
    lanes: Vec<(u32, usize)>,
    waiting: Vec<Waiting>,
    /// Bytes remembered under an idempotency key.
    note_size: usize,
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Payload bytes gathered.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a request's records in, or answers it at once when they cannot be taken.
    pub(super) fn add(&mut self, intake: &Intake, request: Request, random: &mut SmallRng, now_ms: i64) {
        let Some(route) = intake.routes.get(request.route) else { return };
        let Request { body: sent, encoding, key, idempotency_key, answer, came, .. } = request;
        let body = match encoding.expand(sent.clone(), intake.max_expanded) {
            Ok(body) => body,
            Err(error) => return reply(answer, not_expanded(&error)),
        };
        let prepared = match prepared(intake, route, key.as_deref(), &body, random) {
            Ok(prepared) => prepared,
            Err(refusal) => return reply(answer, refusal),
        };
        let hash =
            |once_key| (once::remembered_as(&route.name, once_key), once::hash_of(key.as_deref(), &body));
        let shares = self.append(request.route, &prepared, now_ms);
        let Prepared { entries, faults, .. } = prepared;
        let once = idempotency_key.as_deref().map(hash);
        let (route, told) = (request.route, Told { entries, faults });
        let sent = SentBody { body: sent, encoding, key, idempotency_key, came };
        self.waiting.push(Waiting { route, answer, sent, told, shares, once });
    }

    /// Writes the records into the lanes of their shards.
    fn append(&mut self, route: usize, prepared: &Prepared<'_>, now_ms: i64) -> Vec<Lying> {
        let lying: Vec<Lying> = prepared.shares.iter().map(|share| self.lane(route, *share)).collect();
        for ready in &prepared.ready {
            let place = usize::try_from(ready.share).ok().and_then(|place| lying.get(place));
            if let Some(lane) = place.and_then(|place| self.lanes.get_mut(place.lane)) {
                lane.block.push(now_ms, prepared.key(ready), b"", ready.payload);
                self.bytes += ready.payload.len();
            }
        }
        lying
    }

    fn lane(&mut self, route: usize, share: Share) -> Lying {
        let known = self.lanes.iter().position(|lane| lane.route == route && lane.shard == share.shard);
        let lane = known.unwrap_or_else(|| {
            self.lanes.push(Lane { route, shard: share.shard, block: share.empty_block() });
            self.lanes.len() - 1
        });
        let base = self.lanes.get(lane).map_or(0, |lane| lane.block.count());
        Lying { share, lane, base }
    }

    /// The batch to commit, and who waits for it.
    pub(super) fn seal(self, intake: &Intake, now_ms: i64) -> (Batch, Sent) {
        let mut batch = Batch::new();
        let appends = self.lanes.iter().filter(|lane| is_stream(intake, lane)).count();
        let (mut next_append, mut next_send) = (0, appends);
        let mut lanes = Vec::with_capacity(self.lanes.len());
        for lane in self.lanes {
            let Some(route) = intake.routes.get(lane.route) else { continue };
            let shard = route.stream().and_then(|stream| stream.shard(lane.shard));
            let next = if let Some(shard) = shard {
                batch.append(shard.id, lane.block);
                &mut next_append
            } else {
                if let Some(queue) = route.queue() {
                    batch.send(queue.id(), lane.block, 0);
                }
                &mut next_send
            };
            lanes.push((lane.shard, *next));
            *next += 1;
        }
        let note_size = remember(&self.waiting, intake, &mut batch, now_ms);
        (batch, Sent { lanes, waiting: self.waiting, note_size })
    }
}

/// Adds the note of an idempotency key to the batch; answers its size. A request that has one is
/// alone in its group.
fn remember(waiting: &[Waiting], intake: &Intake, batch: &mut Batch, now_ms: i64) -> usize {
    let Some(waiting) = waiting.first() else { return 0 };
    let (Some((key, hash)), Some(route)) = (&waiting.once, intake.routes.get(waiting.route)) else {
        return 0;
    };
    let shards = waiting.shares.iter().map(|lying| lying.share.shard).collect();
    let note = Note::new(*hash, route.destination(), shards, &waiting.told).encode();
    let window = i64::try_from(intake.window.as_millis()).unwrap_or(i64::MAX);
    let size = note.len();
    batch.once(key.clone(), note, now_ms.saturating_add(window));
    size
}

fn is_stream(intake: &Intake, lane: &Lane) -> bool {
    intake.routes.get(lane.route).is_some_and(|route| route.stream().is_some())
}

/// Applies the rules of the route and takes room under its limits.
fn prepared<'b>(
    intake: &Intake,
    route: &Route,
    key: Option<&str>,
    body: &'b [u8],
    random: &mut SmallRng,
) -> Result<Prepared<'b>, Reply> {
    let rules = Rules {
        max_records: intake.max_records,
        max_record: route.target.max_record(),
        pretreatment: &intake.pretreatment,
        key: KeyChoice { named: key, pointer: route.pointer.as_ref() },
    };
    let layout = route.stream().map(|stream| stream.layout());
    let shard_of = |key: &[u8]| layout.as_ref().map_or(0, |layout| layout.route(key).index);
    let prepared = prepare(body, &rules, random, shard_of)?;
    if let Some(stream) = route.stream().filter(|stream| stream.section().limits.is_some()) {
        let parts = parts(prepared.shares.iter());
        stream.admit_all(&parts).map_err(|refusal| Reply::throttled(&route.name, &refusal))?;
    }
    Ok(prepared)
}

fn parts<'s>(shares: impl Iterator<Item = &'s Share>) -> Vec<(u32, u32, u64)> {
    shares.map(|share| (share.shard, share.records, share.bytes)).collect()
}

fn not_expanded(error: &super::encoding::ExpandError) -> Reply {
    use super::encoding::ExpandError;
    let text = error.to_string();
    match error {
        ExpandError::TooLarge { .. } => {
            Reply::problem(413, &text, "send the records in several requests, or raise max_expanded")
        }
        ExpandError::Damaged { .. } => {
            Reply::problem(400, &text, "send the body whole, encoded as Content-Encoding says")
        }
    }
}

/// A client that has gone needs no answer.
fn reply(answer: oneshot::Sender<Reply>, reply: Reply) {
    let _ = answer.send(reply);
}

impl Sent {
    /// An error when the note of an idempotency key does not fit the registry.
    pub(super) fn misfit(&self) -> Option<CommitError> {
        let size = self.note_size;
        (size > LARGEST_NOTE).then_some(CommitError::TooLarge { size, limit: LARGEST_NOTE })
    }

    /// The requests once more, for a group that goes by the shards there are now. Waits until those that
    /// closed have made room for others.
    pub(super) async fn again(self, intake: &Intake, error: &CommitError) -> Vec<Request> {
        let mut requests = Vec::with_capacity(self.waiting.len());
        for waiting in self.waiting {
            let Some(route) = intake.routes.get(waiting.route) else { continue };
            if let Some(stream) = route.stream() {
                stream.settled().await;
            }
            give_back(route, &waiting, error);
            let Waiting { route, answer, sent, .. } = waiting;
            let SentBody { body, encoding, key, idempotency_key, came } = sent;
            requests.push(Request { route, key, idempotency_key, encoding, body, came, answer });
        }
        requests
    }

    /// Tells every waiting client how the batch ended.
    pub(super) fn answer(self, intake: &Intake, result: Result<Committed, CommitError>) {
        if result.is_ok() {
            let records = self.waiting.iter().map(|waiting| taken(&waiting.told.entries)).sum::<usize>();
            intake.metrics.processed(records as u64);
        }
        for waiting in self.waiting {
            let Some(route) = intake.routes.get(waiting.route) else { continue };
            let answered = match &result {
                Ok(committed) => {
                    let placed: Vec<_> = waiting
                        .shares
                        .iter()
                        .filter_map(|lying| placed(&self.lanes, *lying, committed))
                        .collect();
                    let body = waiting.told.write(&route.name, route.destination(), &placed);
                    Reply::stored(body, waiting.told.faults.count)
                }
                Err(error) => {
                    give_back(route, &waiting, error);
                    refused(route, &waiting, error)
                }
            };
            reply(waiting.answer, answered);
        }
    }
}

fn placed(lanes: &[(u32, usize)], lying: Lying, committed: &Committed) -> Option<Placed> {
    let (shard, place) = lanes.get(lying.lane)?;
    let placement = committed.placements.get(*place)?;
    Some(Placed { shard: *shard, first_sequence: placement.first_sequence + u64::from(lying.base) })
}

/// Room under the limits returns when nothing was stored.
fn give_back(route: &Route, waiting: &Waiting, error: &CommitError) {
    let unknown = matches!(error, CommitError::Unknown(_));
    if let Some(stream) = route.stream().filter(|stream| !unknown && stream.section().limits.is_some()) {
        stream.give_back_all(&parts(waiting.shares.iter().map(|lying| &lying.share)));
    }
}

fn refused(route: &Route, waiting: &Waiting, error: &CommitError) -> Reply {
    let (CommitError::Repeated(once), Some((_, hash))) = (error, &waiting.once) else {
        return Reply::not_committed(error);
    };
    match once::replay(&route.name, *hash, once) {
        Some((body, faults)) => Reply { replayed: true, ..Reply::stored(body, faults) },
        None => Reply::problem(
            422,
            "the Idempotency-Key was used before with another body or partition key",
            "send the same request again, or choose a new Idempotency-Key",
        ),
    }
}
