//! The committer: the one thread that writes the log. It gathers the batches that wait, writes them as one
//! frame, flushes, applies, answers, and begins again: while one flush runs the next frame gathers. Only what
//! nobody waits for, such as leases, rests a little for company: a flush of its own would hold up who waits.

use super::assembly::{Assembly, TrackRun};
use super::clock::Time;
use super::core::{Core, Message, Submission};
use super::entry::Operation;
use super::frame::FRAME_HEADER;
use super::index::Index;
use super::locking::locked;
use super::log_file::{FIRST_FRAME, FileHeader};
use super::preparer::Prepared;
use super::queue::Arrivals;
use super::snapshot::{Position, Snapshot};
use super::state::FileFacts;
use super::track::{TailBlock, Track};
use super::upkeep::Job;
use super::{CommitError, block, disk};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Longest time that changes rest for which nobody waits.
const REST: Duration = Duration::from_millis(5);
/// Most of them that rest.
const MOST_RESTING: usize = 1024;
/// Memory that a block takes in the tail besides its bytes.
const BLOCK_OVERHEAD: usize = 128;

/// The file being written.
#[derive(Debug)]
pub(super) struct ActiveFile {
    pub header: FileHeader,
    pub file: Arc<File>,
    /// Where the next frame begins.
    pub offset: u64,
}

#[derive(Debug)]
pub(super) struct Committer {
    core: Arc<Core>,
    inbox: flume::Receiver<Message>,
    prepared: flume::Receiver<io::Result<Prepared>>,
    jobs: flume::Sender<Job>,
    active: ActiveFile,
    lsn: u64,
    /// Tracks with records in the file being written.
    touched: BTreeMap<u32, Arc<Track>>,
    /// What the tail holds, oldest first.
    tail: VecDeque<(Arc<Track>, usize)>,
    tail_bytes: usize,
    logged_since_snapshot: u64,
}

impl Committer {
    pub(super) fn new(
        core: Arc<Core>,
        inbox: flume::Receiver<Message>,
        prepared: flume::Receiver<io::Result<Prepared>>,
        jobs: flume::Sender<Job>,
        active: ActiveFile,
    ) -> Self {
        let lsn = core.lsn.load(Ordering::Relaxed);
        let with_records = |track: &Arc<Track>| {
            let places = track.places();
            places.active_file == active.header.number && !places.active.is_empty()
        };
        let touched = core.state.all_tracks().into_iter().filter(with_records);
        let touched = touched.map(|track| (track.id, track)).collect();
        core.library.set_active(active.header.number, Arc::clone(&active.file));
        let tail = VecDeque::new();
        Self {
            core,
            inbox,
            prepared,
            jobs,
            active,
            lsn,
            touched,
            tail,
            tail_bytes: 0,
            logged_since_snapshot: 0,
        }
    }

    /// Commits until told to end.
    pub(super) fn run(mut self) {
        while let Ok(message) = self.inbox.recv() {
            let Some(control) = self.gather(message) else { continue };
            match control {
                Message::Close(answer) => {
                    let snapshot = self.take_snapshot();
                    // Nobody waits when the closing thread is gone.
                    let _ = answer.send(snapshot);
                    return;
                }
                Message::Abandon => return,
                Message::Snapshot => self.order_snapshot(),
                Message::Batch(_) => {}
            }
        }
    }

    /// The first message with those that rested with it: all but the last are batches nobody waits for.
    fn rest(&self, first: Message) -> VecDeque<Message> {
        let is_resting = |message: &Message| matches!(message, Message::Batch(Submission { answer: None, batch, .. }) if batch.once.is_none());
        let until = Instant::now() + REST;
        let mut messages = VecDeque::from([first]);
        while messages.len() < MOST_RESTING && messages.back().is_some_and(is_resting) {
            let Ok(message) = self.inbox.recv_deadline(until) else { break };
            messages.push_back(message);
        }
        messages
    }

    /// Commits the batches that wait, beginning with `first`; gives back a message that is not a batch.
    fn gather(&mut self, first: Message) -> Option<Message> {
        let mut rested = self.rest(first);
        // After the rest: what is sent now is not to be visible earlier than it should.
        let mut assembly = Assembly::new(self.core.clock.now());
        let mut message = rested.pop_front();
        let mut control = None;
        loop {
            match message {
                Some(Message::Batch(submission)) => assembly.admit(&self.core, submission),
                other => {
                    control = other;
                    break;
                }
            }
            if rested.is_empty() && assembly.bytes >= self.core.settings.commit_bytes {
                break;
            }
            message = rested.pop_front().or_else(|| self.inbox.try_recv().ok());
        }
        self.commit(assembly);
        control
    }

    fn commit(&mut self, mut assembly: Assembly) {
        if assembly.is_empty() {
            return assembly.confirm(self.lsn);
        }
        match self.write(&mut assembly) {
            Ok(payload) => {
                self.apply(&mut assembly, payload);
                assembly.confirm(self.lsn);
                if self.logged_since_snapshot >= self.core.settings.snapshot_bytes {
                    self.order_snapshot();
                }
            }
            Err(error) if disk::is_full(&error) => {
                self.core.full.store(true, Ordering::Relaxed);
                tracing::warn!(%error, "no room for the log; writes are held back");
                assembly.refuse(&CommitError::DiskFull);
            }
            Err(error) => {
                self.core.fail(error.to_string());
                assembly.refuse(&CommitError::Unknown(error.to_string()));
            }
        }
    }

    /// Writes and flushes one frame; gives where its payload begins in the file.
    fn write(&mut self, assembly: &mut Assembly) -> io::Result<u64> {
        let needed = assembly.bytes_at_most();
        if self.active.offset + needed > self.active.header.size {
            self.roll(needed)?;
        }
        let frame = assembly.encode(self.active.header.salt, self.lsn + 1);
        let started = Instant::now();
        disk::write_at(&self.active.file, &mut frame.slices(), self.active.offset)?;
        if self.core.settings.flush {
            disk::flush_data(&self.active.file)
                .map_err(|error| io::Error::other(format!("flushing the log: {error}")))?;
        }
        let size = frame.size() as u64;
        self.core.metrics.flushed(started.elapsed().as_secs_f64(), size, assembly.batches());
        let payload = self.active.offset + FRAME_HEADER as u64;
        self.lsn += 1;
        self.active.offset += size;
        self.logged_since_snapshot += size;
        self.core.written.fetch_add(size, Ordering::Relaxed);
        Ok(payload)
    }

    fn apply(&mut self, assembly: &mut Assembly, payload: u64) {
        let time = assembly.time();
        // What a receive gave is in the queue's machine since then; the log has it for a replay.
        let fresh = |operation: &&Operation| {
            !matches!(operation, Operation::Lease { .. } | Operation::Attempt { .. })
        };
        for operation in assembly.operations.iter().filter(fresh) {
            if let Err(what) = self.core.state.apply(operation, time) {
                tracing::error!(what, ?operation, "a durable operation could not be applied");
            }
        }
        for run in assembly.take_runs() {
            self.apply_run(run, payload, time);
        }
        *locked(&self.core.state.time) = time;
        self.core.lsn.store(self.lsn, Ordering::Release);
        let mut files = locked(&self.core.state.files);
        let facts = files.entry(self.active.header.number).or_default();
        *facts = FileFacts { last_lsn: self.lsn, used: self.active.offset, size: self.active.header.size };
        drop(files);
        self.evict();
    }

    fn apply_run(&mut self, run: TrackRun, payload: u64, time: Time) {
        let spans = run.spans(payload, time.wall_ms);
        let TrackRun { track, mut first, blocks, visible_at_ms, count, keys, .. } = run;
        let (sent, next) = (first, first + u64::from(count));
        let sent_at_ms: Vec<i64> = match &track.queue {
            Some(_) => {
                let arrivals = blocks.iter().flat_map(|block| block::arrivals(&block.bytes));
                arrivals.map(|at| time.steady_since(at)).collect()
            }
            None => Vec::new(),
        };
        let mut places = track.places();
        for span in &spans {
            places.extend(self.active.header.number, span);
            places.note_span(self.active.header.number, *span);
        }
        for block in blocks {
            let size = block.bytes.len() + BLOCK_OVERHEAD;
            places.tail.push_back(TailBlock { first, count: block.count, bytes: block.bytes });
            first += u64::from(block.count);
            self.tail.push_back((Arc::clone(&track), size));
            self.tail_bytes += size;
        }
        drop(places);
        track.next.send_replace(next);
        // Last: a message is leased only when its body can be read.
        if let (Some(queue), Some(visible_at_ms)) = (&track.queue, visible_at_ms) {
            let (sent_at_ms, keys, now_ms) = (&sent_at_ms[..], &keys[..], time.steady_ms);
            let mut machine = locked(&queue.machine);
            machine.sent(&Arrivals { first: sent, sent_at_ms, visible_at_ms, keys, now_ms });
            queue.waiting.stir(&machine);
        }
        self.touched.entry(track.id).or_insert(track);
    }

    /// Lets the oldest blocks go while the tail takes too much memory.
    fn evict(&mut self) {
        while self.tail_bytes > self.core.settings.tail_bytes {
            let Some((track, size)) = self.tail.pop_front() else { return };
            self.tail_bytes -= size;
            track.places().tail.pop_front();
        }
    }

    fn position(&self) -> Position {
        Position { file: self.active.header.number, offset: self.active.offset }
    }

    /// Goes on in the next file, which has room for a frame of `needed` bytes.
    fn roll(&mut self, needed: u64) -> io::Result<()> {
        let Prepared { mut header, file } = self.next_file()?;
        if FIRST_FRAME + needed > header.size {
            header.size = (FIRST_FRAME + needed).next_multiple_of(1 << 20);
            disk::allocate(&file, header.size)?;
            disk::write_all_at(&file, &header.encode(), 0)?;
            disk::flush(&file)?;
        }
        let next = ActiveFile { header, file: Arc::new(file), offset: FIRST_FRAME };
        let sealed = std::mem::replace(&mut self.active, next);
        self.core.library.set_active(header.number, Arc::clone(&self.active.file));
        self.seal(&sealed);
        Ok(())
    }

    /// A file with its header; a failure that is not from just now is tried again once.
    fn next_file(&self) -> io::Result<Prepared> {
        let gone = || io::Error::other("the thread that prepares log files has ended");
        match self.prepared.recv().map_err(|_| gone())? {
            Ok(prepared) => Ok(prepared),
            Err(error) if disk::is_full(&error) => self.prepared.recv().map_err(|_| gone())?,
            Err(error) => Err(error),
        }
    }

    fn seal(&mut self, sealed: &ActiveFile) {
        let tracks: Vec<Arc<Track>> = std::mem::take(&mut self.touched).into_values().collect();
        let spans = tracks.iter().flat_map(|track| track.places().active.clone()).collect();
        let number = sealed.header.number;
        let volume = self.core.library.shelve(number, Arc::clone(&sealed.file), Index::new(spans));
        for track in tracks {
            track.places().active = Vec::new();
        }
        // A full job queue only means that the index is built again from the log when it is needed.
        let _ = self.jobs.try_send(Job::WriteIndex { number, salt: sealed.header.salt, volume });
    }

    fn take_snapshot(&mut self) -> Snapshot {
        self.logged_since_snapshot = 0;
        Snapshot::take(&self.core.state, self.lsn, self.position())
    }

    /// Takes a snapshot for the upkeep thread to write, unless it still writes one.
    fn order_snapshot(&mut self) {
        if !self.core.snapshot_pending.swap(true, Ordering::AcqRel) {
            let snapshot = self.take_snapshot();
            if self.jobs.try_send(Job::WriteSnapshot(snapshot)).is_err() {
                self.core.snapshot_pending.store(false, Ordering::Release);
            }
        }
    }
}
