use super::{State, Writers, Writing};
use futures::{FutureExt, future::BoxFuture};
use proptest::prelude::*;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// What may happen to permits; numbers choose among those there are.
#[derive(Debug, Clone)]
enum Act {
    Ask,
    /// Looks whether a permit has come.
    Look(usize),
    /// Stops waiting, perhaps for a permit that has come unseen, or lets one go.
    Drop(usize),
    Resize(u32),
}

enum Asked {
    Waits(BoxFuture<'static, Writing>),
    Writes(Writing),
}

/// What permits are meant to do.
#[derive(Default)]
struct Model {
    capacity: u32,
    waiting: VecDeque<u64>,
    held: Vec<u64>,
}

impl Model {
    fn grant(&mut self) {
        while self.held.len() < self.capacity as usize
            && let Some(first) = self.waiting.pop_front()
        {
            self.held.push(first);
        }
    }

    fn gone(&mut self, who: u64) {
        self.waiting.retain(|other| *other != who);
        self.held.retain(|other| *other != who);
        self.grant();
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Ask),
        3 => any::<usize>().prop_map(Act::Look),
        3 => any::<usize>().prop_map(Act::Drop),
        2 => (0_u32..6).prop_map(Act::Resize),
    ]
}

fn look(asked: Asked) -> (Asked, bool) {
    match asked {
        Asked::Writes(writing) => (Asked::Writes(writing), true),
        Asked::Waits(mut waits) => match (&mut waits).now_or_never() {
            Some(writing) => (Asked::Writes(writing), true),
            None => (Asked::Waits(waits), false),
        },
    }
}

fn ask(writers: &Arc<Writers>) -> Asked {
    let writers = Arc::clone(writers);
    look(Asked::Waits(async move { writers.acquire().await }.boxed())).0
}

proptest! {
    #[test]
    fn permits_go_to_whoever_asked_first_and_never_beyond_their_number(
        acts in proptest::collection::vec(act(), 1..120),
    ) {
        let writers = Writers::new(1);
        let mut model = Model { capacity: 1, ..Model::default() };
        let mut all: Vec<(u64, Asked)> = Vec::new();
        for (who, act) in (0..).zip(acts) {
            let before = model.held.len();
            match act {
                Act::Ask => {
                    model.waiting.push_back(who);
                    model.grant();
                    all.push((who, ask(&writers)));
                }
                Act::Look(_) | Act::Drop(_) if all.is_empty() => {}
                Act::Look(index) => {
                    let (who, asked) = all.swap_remove(index % all.len());
                    let (asked, writes) = look(asked);
                    prop_assert_eq!(writes, model.held.contains(&who));
                    all.push((who, asked));
                }
                Act::Drop(index) => {
                    let (who, _) = all.swap_remove(index % all.len());
                    model.gone(who);
                }
                Act::Resize(capacity) => {
                    model.capacity = capacity;
                    model.grant();
                    writers.resize(capacity);
                }
            }
            let seen = writers.seen();
            prop_assert_eq!((seen.held as usize, seen.waiting), (model.held.len(), model.waiting.len()));
            prop_assert!(seen.held <= seen.capacity.max(u32::try_from(before).unwrap()));
        }
        drop(all);
        let seen = writers.seen();
        prop_assert_eq!((seen.held, seen.waiting), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_waits_is_woken_while_permits_come_and_go() {
    const TASKS: u32 = 300;
    let writers = Writers::new(0);
    let (busy, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let (writers, busy, most) = (Arc::clone(&writers), Arc::clone(&busy), Arc::clone(&most));
            tokio::spawn(async move {
                if number % 7 == 0 {
                    // Some give up, wherever they are by then.
                    let wait = Duration::from_micros(u64::from(number) * 5);
                    drop(tokio::time::timeout(wait, writers.acquire()).await);
                }
                let _writing = writers.acquire().await;
                most.fetch_max(busy.fetch_add(1, SeqCst) + 1, SeqCst);
                for _ in 0..number % 5 {
                    tokio::task::yield_now().await;
                }
                busy.fetch_sub(1, SeqCst);
            })
        })
        .collect();
    for capacity in [1, 6, 2, 5, 0, 3, 1, 4].into_iter().cycle().take(400) {
        writers.resize(capacity);
        tokio::task::yield_now().await;
    }
    writers.resize(1);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(most.load(SeqCst) <= 6);
    let seen = writers.seen();
    assert_eq!((seen.held, seen.waiting), (0, 0));
}

#[test]
fn time_counts_for_each_permit_while_it_is_held_and_for_nobody_who_waits() {
    let begun = Instant::now();
    let at = |seconds| begun + Duration::from_secs(seconds);
    let mut state = State::new(2, begun);
    let [first, second, third] = [1, 1, 2].map(|seconds| state.ask(at(seconds)));
    let seen = state.seen(at(4));
    assert_eq!((seen.busy_seconds, seen.held, seen.waiting), (6.0, 2, 1));
    state.resize(1, at(4));
    assert_eq!(state.seen(at(4)).draining(), 1);
    state.leave(first.0, at(5));
    let seen = state.seen(at(7));
    assert_eq!((seen.busy_seconds, seen.held, seen.waiting, seen.draining()), (10.0, 1, 1, 0));
    state.leave(second.0, at(7));
    state.leave(third.0, at(8));
    assert_eq!(state.seen(at(60)).busy_seconds, 11.0);
}
