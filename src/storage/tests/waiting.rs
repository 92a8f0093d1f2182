//! Nobody who waits is forgotten: receivers, cancellations, messages and time in random order, each poll of
//! each receiver chosen by the seed.

use super::super::queue::{Arrivals, Lease, QueueMachine};
use super::super::waiting::{Timepiece, Waiting};
use super::super::{QueuePolicy, locking::locked};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const VISIBILITY_MS: i64 = 40;

/// Set when a receiver is to be polled.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Time that passes when the test says so.
#[derive(Default)]
struct Time {
    now_ms: Cell<i64>,
    sleepers: RefCell<Vec<(i64, Waker)>>,
}

impl Time {
    fn sleep(self: &Rc<Self>, time: Duration) -> impl Future<Output = ()> + use<> {
        let (time, at_ms) = (Rc::clone(self), self.now_ms.get() + i64::try_from(time.as_millis()).unwrap());
        std::future::poll_fn(move |context: &mut Context<'_>| {
            if time.now_ms.get() >= at_ms {
                return Poll::Ready(());
            }
            time.sleepers.borrow_mut().push((at_ms, context.waker().clone()));
            Poll::Pending
        })
    }

    fn pass(&self, milliseconds: i64) {
        let now_ms = self.now_ms.get() + milliseconds;
        self.now_ms.set(now_ms);
        self.sleepers.borrow_mut().retain(|(at_ms, waker)| {
            let is_due = *at_ms <= now_ms;
            if is_due {
                waker.wake_by_ref();
            }
            !is_due
        });
    }
}

struct Receiver {
    woken: Arc<Woken>,
    next: Pin<Box<dyn Future<Output = Option<Vec<Lease>>>>>,
}

/// A queue, those who wait for its messages, and what they were given.
struct Hall {
    machine: Rc<Mutex<QueueMachine>>,
    waiting: Rc<Waiting>,
    time: Rc<Time>,
    receivers: Vec<Receiver>,
    held: Vec<Lease>,
    next: u64,
    polls: usize,
    empty: usize,
}

impl Hall {
    fn new(policy: QueuePolicy) -> Self {
        let machine = Rc::new(Mutex::new(QueueMachine::new(policy)));
        let (waiting, time, receivers, held) = Default::default();
        Self { machine, waiting, time, receivers, held, next: 0, polls: 0, empty: 0 }
    }

    fn arrive(&mut self, max: usize, patience_ms: i64) {
        let (machine, waiting, time) =
            (Rc::clone(&self.machine), Rc::clone(&self.waiting), Rc::clone(&self.time));
        let until_ms = time.now_ms.get() + patience_ms;
        let next = async move {
            let look = |machine: &mut QueueMachine| {
                let leases = machine.lease(time.now_ms.get(), max, VISIBILITY_MS);
                (!leases.is_empty()).then_some(leases)
            };
            let piece = Timepiece {
                now_ms: || time.now_ms.get(),
                left: || Duration::from_millis(u64::try_from(until_ms - time.now_ms.get()).unwrap_or(0)),
                sleep: |left| time.sleep(left),
            };
            waiting.next(&machine, piece, look).await
        };
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.receivers.push(Receiver { woken, next: Box::pin(next) });
    }

    fn send(&mut self, count: usize, delay_ms: i64) {
        let now_ms = self.time.now_ms.get();
        let sent_at_ms = vec![now_ms; count];
        let visible_at_ms = if delay_ms == 0 { 0 } else { now_ms + delay_ms };
        let arrivals =
            Arrivals { first: self.next, sent_at_ms: &sent_at_ms, visible_at_ms, keys: &[], now_ms };
        self.next += count as u64;
        let mut machine = locked(&self.machine);
        machine.sent(&arrivals);
        self.waiting.stir(&machine);
    }

    /// Deletes a message that somebody was given, or gives it back.
    fn finish(&mut self, at: usize, delete: bool) {
        let lease = self.held.swap_remove(at);
        let mut machine = locked(&self.machine);
        match delete {
            true => machine.settled(lease.sequence),
            false => machine.release(lease.sequence, lease.receive_count, self.time.now_ms.get()),
        }
        self.waiting.stir(&machine);
    }

    fn woken(&self) -> Vec<usize> {
        let is_woken = |at: &usize| self.receivers[*at].woken.0.load(Ordering::Relaxed);
        (0..self.receivers.len()).filter(is_woken).collect()
    }

    fn poll(&mut self, at: usize) {
        let receiver = &mut self.receivers[at];
        receiver.woken.0.store(false, Ordering::Relaxed);
        self.polls += 1;
        let waker = Waker::from(Arc::clone(&receiver.woken));
        if let Poll::Ready(leases) = receiver.next.as_mut().poll(&mut Context::from_waker(&waker)) {
            drop(self.receivers.swap_remove(at));
            self.empty += usize::from(leases.is_none());
            self.held.extend(leases.into_iter().flatten());
        }
    }

    /// Lets everybody run who was woken, in random order.
    fn settle(&mut self, random: &mut StdRng) {
        loop {
            let woken = self.woken();
            if woken.is_empty() {
                return;
            }
            self.poll(woken[random.random_range(0..woken.len())]);
        }
    }

    /// Messages that could be received now.
    fn visible(&self) -> u64 {
        let mut machine = locked(&self.machine).clone();
        let ready = machine.depth(self.time.now_ms.get()).ready;
        if machine.has_receivable() { ready } else { 0 }
    }
}

#[test]
fn nobody_waits_while_a_message_is_visible_whoever_goes_away() {
    for seed in 0..2_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut hall = Hall::new(QueuePolicy::default());
        for step in 0..300 {
            match random.random_range(0..14) {
                0..=3 if hall.receivers.len() < 40 => {
                    hall.arrive(random.random_range(1..4), random.random_range(0..600));
                }
                4 => hall.send(random.random_range(1..5), 0),
                5 => hall.send(random.random_range(1..3), random.random_range(1..90)),
                6 if !hall.held.is_empty() => {
                    let at = random.random_range(0..hall.held.len());
                    hall.finish(at, random.random_bool(0.6));
                }
                7 => hall.time.pass(random.random_range(0..30)),
                8 if !hall.receivers.is_empty() => {
                    drop(hall.receivers.swap_remove(random.random_range(0..hall.receivers.len())));
                }
                9..=12 => {
                    let woken = hall.woken();
                    if !woken.is_empty() {
                        hall.poll(woken[random.random_range(0..woken.len())]);
                    }
                }
                _ => {
                    hall.settle(&mut random);
                    assert!(
                        hall.receivers.is_empty() || hall.visible() == 0,
                        "seed {seed}, step {step}: {} wait, {} visible",
                        hall.receivers.len(),
                        hall.visible()
                    );
                }
            }
        }
    }
}

#[test]
fn a_message_costs_one_wake_up_however_many_wait() {
    let mut random = StdRng::seed_from_u64(7);
    let mut hall = Hall::new(QueuePolicy::default());
    (0..1_000).for_each(|_| hall.arrive(1, 20_000));
    hall.settle(&mut random);
    assert_eq!((hall.receivers.len(), hall.polls), (1_000, 1_000));
    for sent in 1..=100 {
        let before = hall.polls;
        hall.send(1, 0);
        hall.settle(&mut random);
        assert_eq!(hall.held.len(), sent);
        assert!(hall.polls - before <= 3, "{} polls", hall.polls - before);
    }
    let before = hall.polls;
    hall.send(300, 0);
    hall.settle(&mut random);
    assert_eq!((hall.held.len(), hall.receivers.len()), (400, 600));
    assert!(hall.polls - before <= 302, "{} polls", hall.polls - before);
}

#[test]
fn those_who_wait_do_nothing_until_something_is_due() {
    let mut random = StdRng::seed_from_u64(7);
    let mut hall = Hall::new(QueuePolicy::default());
    (0..1_000).for_each(|_| hall.arrive(1, 20_000));
    hall.send(2, 5_000);
    hall.settle(&mut random);
    let before = hall.polls;
    for _ in 0..19 {
        hall.time.pass(250);
        hall.settle(&mut random);
    }
    assert!(hall.polls - before <= 1, "{} polls", hall.polls - before);
    hall.time.pass(250);
    hall.settle(&mut random);
    assert_eq!(hall.held.len(), 2);
    hall.time.pass(20_000);
    hall.settle(&mut random);
    assert_eq!((hall.receivers.len(), hall.empty), (0, 998 - 2));
}
