//! One worker speaks with its process: a batch at a time, answers settled while the next is worked on.

mod parting;

use super::{
    Fault, Program,
    child::Child,
    holding::Holding,
    lines::{Lines, TooLong},
    protocol::{self, LONGEST_LINE, Said, batch_line},
    settler::Settler,
};
use crate::{
    pipeline::{
        Busy, Pulse, Retire, TaskError, now_ms,
        workers::{activity, exchange::is_json, pool::Pool, runner::Fate},
    },
    storage::LeasedMessage,
    units::ByteSize,
};
use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use rustix::process::Signal;
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};

/// How often the process itself is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Why a conversation broke off.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The program pays.
    Program(Fault),
    /// The queue or the store cannot go on.
    Task(TaskError),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Program(fault)
    }
}

impl From<TaskError> for Trouble {
    fn from(error: TaskError) -> Self {
        Self::Task(error)
    }
}

type Receiving = BoxFuture<'static, Result<Vec<LeasedMessage>, TaskError>>;

/// What a conversation waits for.
enum Event {
    Heard(io::Result<usize>),
    Told(io::Result<usize>),
    Received(Result<Vec<LeasedMessage>, TaskError>),
    Settled(Result<(), TaskError>),
    Woken,
}

/// A process that can work, and what it holds.
pub(super) struct Conversation {
    pool: Arc<Pool>,
    program: Arc<Program>,
    retire: Retire,
    pulse: Pulse,
    child: Child,
    lines: Lines,
    /// What is still to be written to it.
    telling: Bytes,
    is_ready: bool,
    holding: Holding,
    /// While it holds a batch.
    busy: Option<(Busy, activity::Busy)>,
    receiving: Option<Receiving>,
    /// Ends the wait for messages.
    enough: (watch::Sender<bool>, Retire),
    settler: Settler,
    heard_at: Instant,
    looked_at: Instant,
    has_worked: bool,
    has_ended: bool,
}

impl Conversation {
    pub fn new(
        pool: Arc<Pool>,
        program: Arc<Program>,
        child: Child,
        settler: Settler,
        (retire, pulse): (Retire, Pulse),
    ) -> Self {
        let now = Instant::now();
        Self {
            pool,
            program,
            retire,
            pulse,
            child,
            lines: Lines::new(LONGEST_LINE),
            telling: Bytes::new(),
            is_ready: false,
            holding: Holding::nothing(now),
            busy: None,
            receiving: None,
            enough: Retire::pair(),
            settler,
            heard_at: now,
            looked_at: now,
            has_worked: false,
            has_ended: false,
        }
    }

    /// Waits until the process says that it can work. False when the worker is asked to retire before.
    pub async fn begin(&mut self) -> Result<bool, Trouble> {
        let limit = self.program.start;
        let deadline = tokio::time::Instant::now() + limit.0;
        while self.program.says_ready && !self.is_ready {
            let retire = self.retire.clone();
            let heard = tokio::select! {
                heard = read(&mut self.child, &mut self.lines) => heard,
                () = retire.asked() => return Ok(false),
                () = tokio::time::sleep_until(deadline) => return Err(Fault::NotReady { limit }.into()),
            };
            self.hear(heard).await?;
        }
        self.pulse.in_service();
        Ok(true)
    }

    /// Works until asked to retire and everything is settled, or until the process leaves by itself.
    pub async fn go_on(&mut self) -> Result<(), Trouble> {
        loop {
            if self.holding.is_empty() {
                self.settler.begin();
                if self.receiving.is_none() {
                    if self.retire.is_asked() {
                        return Ok(self.settler.finish().await?);
                    }
                    if !self.settler.is_full() {
                        self.begin_receiving();
                    }
                }
            }
            match self.next_event().await {
                Event::Heard(heard) => match self.hear(heard).await {
                    Err(Trouble::Program(Fault::Ended { status }))
                        if status.success() && self.may_leave() =>
                    {
                        tracing::info!("the program has left by itself; it is started again");
                        return Ok(());
                    }
                    heard => heard?,
                },
                Event::Told(Ok(length)) => self.telling.advance(length.min(self.telling.len())),
                // What it answered before it closed its stdin still counts; then its stdout ends.
                Event::Told(Err(_)) => self.telling = Bytes::new(),
                Event::Received(messages) => self.hand_out(messages?)?,
                Event::Settled(settled) => settled?,
                Event::Woken => self.look_around(Instant::now()).await?,
            }
        }
    }

    /// Asks for messages, until the worker retires or its program is to be ended.
    fn begin_receiving(&mut self) {
        let (pool, retire, enough) = (Arc::clone(&self.pool), self.retire.clone(), self.enough.1.clone());
        self.receiving = Some(Box::pin(async move {
            let stop = async {
                tokio::select! {
                    () = retire.asked() => {}
                    () = enough.asked() => {}
                }
            };
            pool.receive(stop).await
        }));
    }

    /// A program may end between two batches, with success; it cannot know that the next is on its way.
    fn may_leave(&self) -> bool {
        self.has_worked && (self.holding.is_empty() || self.holding.is_untouched())
    }

    async fn next_event(&mut self) -> Event {
        let now = Instant::now();
        let wake = self.until_wake(now);
        let may_hear = !self.settler.is_full();
        let may_tell = !self.telling.is_empty();
        let Self { child, lines, telling, receiving, settler, .. } = self;
        let Child { stdin, stdout, .. } = child;
        tokio::select! {
            heard = read_from(stdout, lines), if may_hear => Event::Heard(heard),
            told = write_to(stdin, telling), if may_tell => Event::Told(told),
            messages = received(receiving) => Event::Received(messages),
            settled = settler.settled() => Event::Settled(settled),
            () = tokio::time::sleep(wake) => Event::Woken,
        }
    }

    fn until_wake(&self, now: Instant) -> Duration {
        let mut wait = (self.looked_at + LOOK).saturating_duration_since(now);
        if let Some(due) = self.settler.due() {
            wait = wait.min(due.saturating_duration_since(now));
        }
        if !self.holding.is_empty() {
            let silent_at = self.heard_at + self.program.time.0;
            wait = wait.min(silent_at.saturating_duration_since(now));
            wait = wait.min(self.holding.until_extension(now_ms(), self.visibility()));
        }
        wait
    }

    fn visibility(&self) -> Duration {
        self.pool.queue.section().visibility_timeout.0
    }

    /// Takes in what was read: all whole lines of it.
    async fn hear(&mut self, heard: io::Result<usize>) -> Result<(), Trouble> {
        match heard {
            Ok(0) => return Err(self.child.gone().await.into()),
            Err(cause) => return Err(Fault::Pipe { cause }.into()),
            Ok(_) => {}
        }
        let now = Instant::now();
        while let Some(line) = self.lines.next_line().map_err(too_long)? {
            let said = protocol::parse(&line).map_err(Fault::Malformed)?;
            self.take_in(said, now)?;
            self.heard_at = now;
        }
        self.pulse.beat();
        Ok(())
    }

    fn take_in(&mut self, said: Said, now: Instant) -> Result<(), Fault> {
        match said {
            Said::Heartbeat => {}
            Said::Ready { protocol: protocol::VERSION } if !self.is_ready => self.is_ready = true,
            Said::Ready { protocol: protocol::VERSION } => return Err(Fault::ReadyAgain),
            Said::Ready { protocol } => return Err(Fault::Protocol { found: protocol }),
            Said::Answer { id, fate } => {
                let message = self.holding.answered(id)?;
                self.settler.add(message, fate, now);
                if self.holding.is_empty() {
                    self.has_worked = true;
                    self.busy = None;
                    let took = now.saturating_duration_since(self.holding.since());
                    self.pool.context.metrics.answered(took.as_secs_f64());
                }
            }
        }
        Ok(())
    }

    /// Gives the process what was received; what is not JSON it cannot be given.
    fn hand_out(&mut self, messages: Vec<LeasedMessage>) -> Result<(), Fault> {
        if messages.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        self.settler.received(messages.len());
        let (batch, unfit): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| is_json(&message.record.payload));
        for message in unfit {
            let reason = "the payload is not JSON".to_owned();
            self.settler.add(message, Fate::Hopeless { reason }, now);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let name = |message: LeasedMessage| (protocol::id(self.pool.queue.name(), &message), message);
        let batch: Vec<(String, LeasedMessage)> = batch.into_iter().map(name).collect();
        let named: Vec<(&str, &LeasedMessage)> =
            batch.iter().map(|(id, message)| (id.as_str(), message)).collect();
        let line = batch_line(&named);
        self.busy = Some((self.pulse.busy(batch.len()), self.pool.activity.begin(batch.len())));
        self.holding = Holding::of(batch, now);
        self.heard_at = now;
        self.telling = line.map_err(|cause| Fault::Unwritable { cause })?.into();
        Ok(())
    }

    /// What time asks for: an extension, a commit, or the end of a process that does not behave.
    async fn look_around(&mut self, now: Instant) -> Result<(), Trouble> {
        self.pulse.beat();
        if self.settler.is_full() {
            // It is not listened to, so it cannot be blamed for its silence.
            self.heard_at = now;
        }
        if self.settler.due().is_some_and(|due| due <= now) {
            self.settler.begin();
        }
        if !self.holding.is_empty() {
            self.watch_the_batch(now).await?;
        }
        if now.saturating_duration_since(self.looked_at) >= LOOK {
            self.looked_at = now;
            self.watch_the_process().await?;
        }
        Ok(())
    }

    async fn watch_the_batch(&mut self, now: Instant) -> Result<(), Trouble> {
        let Program { time, hold, .. } = *self.program;
        if now.saturating_duration_since(self.heard_at) >= time.0 {
            return Err(Fault::Silent { limit: time }.into());
        }
        if now.saturating_duration_since(self.holding.since()) >= hold.0 {
            return Err(Fault::HeldTooLong { limit: hold }.into());
        }
        let visibility = self.visibility();
        let receipts = self.holding.to_extend(now_ms(), visibility);
        if !receipts.is_empty() {
            let queue = &self.pool.queue;
            let extended = queue.store().extend(queue.id(), &receipts, visibility).await;
            extended.map_err(|error| TaskError::new("hiding messages for longer", error))?;
            let visibility_ms = i64::try_from(visibility.as_millis()).unwrap_or(i64::MAX);
            self.holding.extended(now_ms().saturating_add(visibility_ms));
        }
        Ok(())
    }

    async fn watch_the_process(&mut self) -> Result<(), Trouble> {
        if self.child.has_ended() {
            if std::mem::replace(&mut self.has_ended, true) {
                return Err(self.child.gone().await.into());
            }
            // Its children hold its stdout: without them it ends, and what it said is heard.
            self.child.signal(Signal::KILL);
        }
        let Some(limit) = self.program.memory else { return Ok(()) };
        let used = ByteSize(self.pool.memory.used_by(self.child.id()).await);
        if used > limit { Err(Fault::Memory { used, limit }.into()) } else { Ok(()) }
    }
}

fn too_long(TooLong { start }: TooLong) -> Fault {
    Fault::LineTooLong { start: String::from_utf8_lossy(&start).into_owned() }
}

async fn read(child: &mut Child, lines: &mut Lines) -> io::Result<usize> {
    read_from(&mut child.stdout, lines).await
}

async fn read_from(stdout: &mut Option<tokio::process::ChildStdout>, lines: &mut Lines) -> io::Result<usize> {
    match stdout {
        Some(stdout) => stdout.read_buf(lines.room()).await,
        None => Ok(0),
    }
}

async fn write_to(stdin: &mut Option<tokio::process::ChildStdin>, bytes: &[u8]) -> io::Result<usize> {
    match stdin {
        Some(stdin) => stdin.write(bytes).await,
        None => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// Waits for messages, for ever when none are asked for. May be dropped and called again.
async fn received(receiving: &mut Option<Receiving>) -> Result<Vec<LeasedMessage>, TaskError> {
    let Some(waiting) = receiving else { return std::future::pending().await };
    let messages = waiting.await;
    *receiving = None;
    messages
}
