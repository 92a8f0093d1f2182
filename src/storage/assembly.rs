//! Batches on their way into one frame: which are taken, what sequences they get, what is written.

use super::batch::{Batch, Ending, Once, OnceKey};
use super::block::SealedBlock;
use super::clock::Time;
use super::core::{Core, Submission};
use super::entry::{self, Operation, Run};
use super::frame::{FRAME_HEADER, FrameHeader, FrameKind, frame_size};
use super::locking::locked;
use super::orders::{Claim, Orders};
use super::queue::MessageKeys;
use super::sending::Sending;
use super::span::Span;
use super::track::Track;
use super::{CommitError, Committed, Placement, ShardId, once_answer, sum};
use bytes::{BufMut, Bytes};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::IoSlice;
use std::sync::Arc;
use tokio::sync::oneshot::Sender;

/// Blocks below this size are copied beside the entries: cheaper than a slice of their own.
const COPIED: usize = 4096;
/// Bytes of a placement in a remembered answer.
const PLACEMENT: usize = 16;
/// Zeros after a frame.
static PADDING: [u8; super::frame::FRAME_ALIGNMENT] = [0; super::frame::FRAME_ALIGNMENT];

pub(super) type Answer = Option<Sender<Result<Committed, CommitError>>>;

/// The records that one track gets in this frame.
#[derive(Debug)]
pub(super) struct TrackRun {
    pub track: Arc<Track>,
    pub first: u64,
    pub count: u32,
    pub length: usize,
    pub blocks: Vec<SealedBlock>,
    /// For messages, by the steady clock.
    pub visible_at_ms: Option<i64>,
    /// One for each message, or none at all.
    pub keys: Vec<MessageKeys>,
    /// Where the records begin within the payload.
    pub offset: usize,
}

/// A batch in the frame and what it will be told.
#[derive(Debug)]
struct Passenger {
    answer: Answer,
    placements: Vec<Placement>,
    claims: Vec<Claim>,
}

/// A frame in the making.
#[derive(Debug)]
pub(super) struct Assembly {
    time: Time,
    next: HashMap<u32, u64>,
    /// Keyed by track and first sequence.
    runs: BTreeMap<(u32, u64), TrackRun>,
    pub operations: Vec<Operation>,
    orders: Orders,
    /// Shards that an operation of this frame closes.
    closing: HashSet<u32>,
    passengers: Vec<Passenger>,
    once: Vec<Once>,
    once_keys: HashMap<String, usize>,
    repeaters: Vec<(usize, Answer)>,
    pub bytes: usize,
    rooms: Vec<tokio::sync::OwnedSemaphorePermit>,
}

/// What is written: small things gathered, large blocks as they came.
#[derive(Debug)]
enum Piece {
    Gathered(usize, usize),
    Block(Bytes),
}

/// A frame ready to be written.
#[derive(Debug)]
pub(super) struct EncodedFrame {
    header: [u8; FRAME_HEADER],
    gathered: Vec<u8>,
    pieces: Vec<Piece>,
    payload: usize,
}

fn tell(answer: Answer, result: Result<Committed, CommitError>) {
    if let Some(answer) = answer {
        // Whoever has stopped waiting does not need the answer.
        let _ = answer.send(result);
    }
}

impl Assembly {
    pub(super) fn new(time: Time) -> Self {
        Self {
            time,
            next: HashMap::new(),
            runs: BTreeMap::new(),
            operations: Vec::new(),
            orders: Orders::default(),
            closing: HashSet::new(),
            passengers: Vec::new(),
            once: Vec::new(),
            once_keys: HashMap::new(),
            repeaters: Vec::new(),
            bytes: 0,
            rooms: Vec::new(),
        }
    }

    pub(super) fn time(&self) -> Time {
        self.time
    }

    /// Nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.operations.is_empty()
    }

    pub(super) fn batches(&self) -> u64 {
        self.passengers.len() as u64
    }

    /// Room that the frame will not need more than.
    pub(super) fn bytes_at_most(&self) -> u64 {
        (self.bytes + FRAME_HEADER).next_multiple_of(super::frame::FRAME_ALIGNMENT) as u64
    }

    pub(super) fn take_runs(&mut self) -> Vec<TrackRun> {
        std::mem::take(&mut self.runs).into_values().collect()
    }

    /// Takes a batch in, or answers it at once when it cannot be committed.
    pub(super) fn admit(&mut self, core: &Core, submission: Submission) {
        let Submission { mut batch, answer, room } = submission;
        if let Some(pending) = batch.once.as_ref().and_then(|once| self.once_keys.get(&once.key)) {
            self.repeaters.push((*pending, answer));
            return;
        }
        let claims = match self.check(core, &batch) {
            Ok(claims) => claims,
            Err(error) => return tell(answer, Err(error)),
        };
        self.bytes += batch.size() + PLACEMENT * (batch.appends.len() + batch.sends.len());
        self.rooms.extend(room);
        let mut placements = Vec::with_capacity(batch.appends.len() + batch.sends.len());
        for (track, block) in std::mem::take(&mut batch.appends) {
            placements.extend(self.place(core, track, block, None, Vec::new()));
        }
        for sending in std::mem::take(&mut batch.sends) {
            placements.extend(self.send(core, sending));
        }
        for operation in batch.operations {
            if let Operation::Put { key, .. } = &operation
                && let Some(Ending::Closed(id) | Ending::Deleted(id)) = Ending::of_key(key)
            {
                self.closing.insert(id);
            }
            let ordered = self.orders.take(core, operation, self.time);
            placements.extend(ordered.placement);
            self.operations.extend(ordered.operation);
        }
        if let Some(once) = batch.once {
            self.remember(once, &placements);
        }
        self.passengers.push(Passenger { answer, placements, claims });
    }

    fn check(&self, core: &Core, batch: &Batch) -> Result<Vec<Claim>, CommitError> {
        if let Some(failure) = core.failed() {
            return Err(CommitError::Unknown(failure));
        }
        batch.fits()?;
        if batch.grows() && core.is_full() {
            return Err(CommitError::DiskFull);
        }
        for (id, kind) in batch.targets() {
            let known = core.state.track(id).is_some_and(|track| track.kind() == kind);
            if !known || self.orders.deletes(id) {
                return Err(CommitError::UnknownTarget(id));
            }
        }
        self.check_open(core, batch)?;
        let now_ms = self.time.wall_ms;
        if let Some(known) = batch.once.as_ref().and_then(|once| core.state.get(&once.key, now_ms)) {
            return Err(CommitError::Repeated(once_answer::decode(&known)));
        }
        self.orders.check(core, batch, self.time)?;
        self.orders.claim(core, batch, self.time)
    }

    /// No record comes into a shard after what closed it.
    fn check_open(&self, core: &Core, batch: &Batch) -> Result<(), CommitError> {
        let closed = |id: &u32| {
            self.closing.contains(id) || core.state.track(*id).is_some_and(|track| track.is_closed())
        };
        match batch.appends.iter().map(|(id, _)| *id).find(closed) {
            Some(id) => Err(CommitError::ShardClosed(id)),
            None => Ok(()),
        }
    }

    /// Places messages. One that was sent before has the place of the first.
    fn send(&mut self, core: &Core, mut sending: Sending) -> Option<Placement> {
        let track = core.state.track(sending.queue)?;
        let policy = *locked(&track.policy);
        if policy.fifo {
            sending.group_by_key();
        }
        let visible_at_ms = Some(sending.visible_at_ms(&policy, self.time));
        let Sending { queue, block, keys, .. } = sending;
        let id = self.orders.deduplication_id(&track, &keys);
        if let Some(first_sequence) = id.and_then(|id| self.orders.first_sent_with(&track, id, self.time)) {
            return Some(Placement { shard: ShardId(queue), first_sequence, count: 0 });
        }
        let placement = self.place(core, queue, block, visible_at_ms, keys)?;
        self.orders.note_sent(queue, id, placement.first_sequence);
        Some(placement)
    }

    fn place(
        &mut self,
        core: &Core,
        id: u32,
        block: SealedBlock,
        visible_at_ms: Option<i64>,
        keys: Vec<MessageKeys>,
    ) -> Option<Placement> {
        let track = core.state.track(id)?;
        let next = self.next.entry(id).or_insert_with(|| track.next());
        let placement = Placement { shard: ShardId(id), first_sequence: *next, count: block.count };
        *next += u64::from(block.count);
        if block.count == 0 {
            return Some(placement);
        }
        let (first, count, length) = (placement.first_sequence, block.count, block.bytes.len());
        let last = self.runs.range_mut((id, 0)..=(id, first)).next_back().map(|(_, run)| run);
        let alike = |run: &&mut TrackRun| {
            run.visible_at_ms == visible_at_ms && run.keys.is_empty() == keys.is_empty()
        };
        match last.filter(alike) {
            Some(run) => {
                run.count += count;
                run.length += length;
                run.blocks.push(block);
                run.keys.extend(keys);
            }
            None => {
                let blocks = vec![block];
                let run = TrackRun { track, first, count, length, blocks, visible_at_ms, keys, offset: 0 };
                self.runs.insert((id, first), run);
            }
        }
        Some(placement)
    }

    fn remember(&mut self, once: OnceKey, placements: &[Placement]) {
        let OnceKey { key, note, expires_at_ms } = once;
        let answer = Once { placements: placements.to_vec(), note };
        let value = once_answer::encode(&answer);
        self.operations.push(Operation::Put { key: key.clone(), value, expires_at_ms: Some(expires_at_ms) });
        self.once.push(answer);
        self.once_keys.insert(key, self.once.len() - 1);
    }

    /// Lays the frame out.
    pub(super) fn encode(&mut self, salt: u64, lsn: u64) -> EncodedFrame {
        let mut frame = EncodedFrame {
            header: [0; FRAME_HEADER],
            gathered: Vec::with_capacity(1024),
            pieces: Vec::new(),
            payload: 0,
        };
        for run in self.runs.values_mut() {
            let entry = Run {
                track: run.track.id,
                first: run.first,
                count: run.count,
                length: u32::try_from(run.length).unwrap_or(u32::MAX),
                visible_at_ms: run.visible_at_ms,
            };
            frame.gather(|out| {
                entry.encode(out, !run.keys.is_empty());
                entry::put_keys(out, &run.keys);
            });
            run.offset = frame.payload;
            run.blocks.iter().for_each(|block| frame.block(&block.bytes));
        }
        frame.gather(|out| self.operations.iter().for_each(|operation| operation.encode(out)));
        frame.header = FrameHeader {
            kind: FrameKind::Commit,
            payload_length: u32::try_from(frame.payload).unwrap_or(u32::MAX),
            entries: u32::try_from(self.runs.len() + self.operations.len()).unwrap_or(u32::MAX),
            salt,
            lsn,
            committed_at_ms: self.time.wall_ms,
            steady_ms: self.time.steady_ms,
            payload_crc: sum::crc32c_of(frame.payload()),
        }
        .encode();
        frame
    }

    /// Tells every batch that it is durable.
    pub(super) fn confirm(self, lsn: u64) {
        for Passenger { answer, placements, .. } in self.passengers {
            tell(answer, Ok(Committed { lsn, placements }));
        }
        for (first, answer) in self.repeaters {
            let once = self.once.get(first).cloned();
            tell(answer, Err(once.map_or(CommitError::Closed, CommitError::Repeated)));
        }
    }

    /// Tells every batch that it was not committed, and gives its messages back.
    pub(super) fn refuse(self, error: &CommitError) {
        for passenger in self.passengers {
            passenger.claims.iter().for_each(Claim::give_back);
            tell(passenger.answer, Err(error.clone()));
        }
        self.repeaters.into_iter().for_each(|(_, answer)| tell(answer, Err(error.clone())));
    }
}

impl EncodedFrame {
    fn gather(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let from = self.gathered.len();
        write(&mut self.gathered);
        self.add_gathered(from);
    }

    fn add_gathered(&mut self, from: usize) {
        let to = self.gathered.len();
        self.payload += to - from;
        match self.pieces.last_mut() {
            Some(Piece::Gathered(_, end)) if *end == from => *end = to,
            _ => self.pieces.push(Piece::Gathered(from, to)),
        }
    }

    fn block(&mut self, block: &Bytes) {
        if block.len() < COPIED {
            self.gather(|out| out.put_slice(block));
        } else {
            self.payload += block.len();
            self.pieces.push(Piece::Block(block.clone()));
        }
    }

    fn payload(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| match piece {
            Piece::Gathered(from, to) => self.gathered.get(*from..*to).unwrap_or_default(),
            Piece::Block(block) => block.as_ref(),
        })
    }

    /// Bytes it takes in the file, padding included.
    pub(super) fn size(&self) -> usize {
        frame_size(self.payload)
    }

    pub(super) fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut slices = Vec::with_capacity(self.pieces.len() + 2);
        slices.push(IoSlice::new(&self.header));
        slices.extend(self.payload().filter(|piece| !piece.is_empty()).map(IoSlice::new));
        let padding = self.size() - FRAME_HEADER - self.payload;
        slices.extend(PADDING.get(..padding).filter(|zeros| !zeros.is_empty()).map(IoSlice::new));
        slices
    }
}

impl TrackRun {
    /// The run's spans, its payload beginning at `payload` in the file.
    pub(super) fn spans(&self, payload: u64, committed_at_ms: i64) -> Vec<Span> {
        let (mut first, mut offset) = (self.first, payload + self.offset as u64);
        let mut spans = Vec::with_capacity(self.blocks.len());
        for mark in self.blocks.iter().flat_map(|block| &block.marks) {
            let (count, length, order) = (mark.count, mark.length, mark.order);
            spans.push(Span { track: self.track.id, count, first, offset, length, committed_at_ms, order });
            first += u64::from(count);
            offset += u64::from(length);
        }
        spans
    }
}
