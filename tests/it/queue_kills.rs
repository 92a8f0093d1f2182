//! `kill -9` at random moments while clients of the queue API send, receive and delete: no acknowledged send is
//! lost, no acknowledged deletion is undone, a group of a FIFO queue keeps its order, and nobody is shown a
//! message that another holds.
//!
//! `CAUDAL_KILL_CYCLES` sets how often, `CAUDAL_SEED` the decisions.

use crate::support::{
    AWS_TOPOLOGY, Bench, Client, Daemon, PATIENCE, ask_queues, make_queue, number_from_environment,
    queue_depth, queue_url, try_queues,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

const QUEUES: [&str; 2] = ["jobs", "orders.fifo"];
const CYCLES: u64 = 5;
const VISIBILITY_S: u64 = 2;
/// Each sends to groups of its own, and one message of a group after the other.
const PRODUCERS: u64 = 2;
const GROUPS_OF_EACH: u64 = 3;
const CONSUMERS: u64 = 2;

/// A showing of a message: when its receive was asked for and answered, and in which life of the daemon.
#[derive(Debug, Clone, Copy)]
struct Shown {
    asked: Instant,
    answered: Instant,
    life: u64,
}

#[derive(Debug, Default)]
struct Message {
    acknowledged: bool,
    last_shown: Option<Shown>,
    /// A deletion was asked for, and then answered.
    deletion_asked: bool,
    deleted: Option<Instant>,
    /// Not before a lease that was let go runs out by itself.
    let_go: bool,
}

/// What clients know, over all lives of the daemon. Messages by queue, group and number.
#[derive(Debug, Default)]
struct Books {
    messages: BTreeMap<(&'static str, String, u64), Message>,
    /// Messages of FIFO queues that nobody answered for: they are sent again, first of their group.
    unanswered: BTreeMap<String, u64>,
    next: BTreeMap<String, u64>,
    life: u64,
    early: u64,
}

impl Books {
    /// The next message of a group: one that was never answered for, or a new one.
    fn next(&mut self, queue: &'static str, group: &str) -> u64 {
        let again = if queue == QUEUES[1] { self.unanswered.remove(group) } else { None };
        let next = self.next.entry(format!("{queue}/{group}")).or_default();
        let number = again.unwrap_or_else(|| {
            *next += 1;
            *next
        });
        self.messages.entry((queue, group.to_owned(), number)).or_default();
        number
    }

    fn sent(&mut self, queue: &'static str, group: &str, number: u64, is_answered: bool) {
        if is_answered {
            self.messages.get_mut(&(queue, group.to_owned(), number)).unwrap().acknowledged = true;
        } else if queue == QUEUES[1] {
            self.unanswered.insert(group.to_owned(), number);
        }
    }

    /// Holds what one receive gave against all that is known.
    fn shown(&mut self, queue: &'static str, messages: &[(String, u64)], now: Shown) {
        for (place, (group, number)) in messages.iter().enumerate() {
            let key = (queue, group.clone(), *number);
            let message = self.messages.get_mut(&key).unwrap_or_else(|| panic!("nobody sent {key:?}"));
            assert!(message.deleted.is_none_or(|at| at > now.asked), "{key:?} came back after its deletion");
            let hidden = Duration::from_secs(VISIBILITY_S);
            let held =
                message.last_shown.filter(|last| now.answered < last.asked + hidden && !message.let_go);
            if let Some(last) = held {
                // A standard queue may forget the last receives before a kill, as at-least-once allows.
                assert!(
                    queue == QUEUES[0] && last.life < now.life,
                    "{key:?} was shown to two: {last:?}, {now:?}"
                );
                self.early += 1;
            }
            (message.last_shown, message.let_go) = (Some(now), false);
            if queue == QUEUES[1] {
                self.is_in_order(&key, &messages[..place]);
            }
        }
    }

    /// All that came before in its group has been deleted, or comes before it in the same answer.
    fn is_in_order(&self, (queue, group, number): &(&'static str, String, u64), before: &[(String, u64)]) {
        let from = (*queue, group.clone(), 0);
        for ((_, _, earlier), message) in self.messages.range(from..(*queue, group.clone(), *number)) {
            let is_here = before.iter().any(|(other, number)| other == group && number == earlier);
            let may_be_gone = message.deletion_asked || message.deleted.is_some();
            let is_nobody_s = !message.acknowledged && message.last_shown.is_none();
            assert!(is_here || may_be_gone || is_nobody_s, "{group}: {number} came before {earlier}");
        }
    }
}

fn locked(books: &Mutex<Books>) -> std::sync::MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends until the daemon dies.
fn produce(address: SocketAddr, seed: u64, producer: u64, books: &Mutex<Books>) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut client = Client::new(address);
    loop {
        thread::sleep(Duration::from_micros(random.random_range(0..6_000)));
        let queue = QUEUES[random.random_range(0..2)];
        let group = format!("{producer}-{}", random.random_range(0..GROUPS_OF_EACH));
        let number = locked(books).next(queue, &group);
        let body = format!("{group}/{number}/{}", "m".repeat(random.random_range(0..600)));
        let mut request = json!({"QueueUrl": queue_url(queue), "MessageBody": body});
        if queue == QUEUES[1] {
            request["MessageGroupId"] = json!(group);
            request["MessageDeduplicationId"] = json!(format!("{group}/{number}"));
        }
        let answer = ask_queues(&mut client, "SendMessage", &request);
        locked(books).sent(queue, &group, number, answer.is_ok());
        if answer.is_err() {
            return;
        }
    }
}

/// Which messages a receive gave, and their handles.
fn read(answer: &Value) -> Vec<((String, u64), String)> {
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    let one = |message: &Value| {
        let mut parts = message["Body"].as_str().unwrap().split('/');
        let (group, number) = (parts.next().unwrap(), parts.next().unwrap());
        ((group.to_owned(), number.parse().unwrap()), message["ReceiptHandle"].as_str().unwrap().to_owned())
    };
    messages.iter().map(one).collect()
}

/// Whether what was asked for a held message was done, or came too late; `None` when the daemon has died.
fn settled(client: &mut Client, operation: &str, request: &Value) -> Option<bool> {
    let answer = try_queues(client, operation, request).ok()?;
    let is_late =
        answer.status == 400 && ["expired", "not available"].iter().any(|told| answer.text().contains(told));
    assert!(answer.status == 200 || is_late, "{operation}: {}", answer.text());
    Some(!is_late)
}

/// Receives once, and does with what came as chance has it; false when the daemon has died.
fn consume(
    client: &mut Client,
    random: &mut SmallRng,
    queue: &'static str,
    books: &Mutex<Books>,
    all: bool,
) -> bool {
    let (life, asked) = (locked(books).life, Instant::now());
    let request = json!({"QueueUrl": queue_url(queue), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
    let Ok(answer) = ask_queues(client, "ReceiveMessage", &request) else { return false };
    let messages = read(&answer);
    let places: Vec<(String, u64)> = messages.iter().map(|(place, _)| place.clone()).collect();
    locked(books).shown(queue, &places, Shown { asked, answered: Instant::now(), life });
    for ((group, number), handle) in messages {
        // In a group what comes first is to be deleted first, or not at all.
        if !all && random.random_bool(0.2) {
            return true;
        }
        let key = (queue, group, number);
        let mut request = json!({"QueueUrl": queue_url(queue), "ReceiptHandle": handle});
        if !all && random.random_bool(0.1) {
            request["VisibilityTimeout"] = json!(0);
            locked(books).messages.get_mut(&key).unwrap().let_go = true;
            return settled(client, "ChangeMessageVisibility", &request).is_some();
        }
        locked(books).messages.get_mut(&key).unwrap().deletion_asked = true;
        match settled(client, "DeleteMessage", &request) {
            None => return false,
            Some(false) => return true,
            // Later somebody else may hold it: then it stays, and nobody is told.
            Some(true) if asked.elapsed() < Duration::from_secs(VISIBILITY_S) => {
                locked(books).messages.get_mut(&key).unwrap().deleted = Some(Instant::now());
            }
            Some(true) => {}
        }
    }
    true
}

/// One life of the daemon, ended by SIGKILL.
fn cycle(bench: &Bench, seed: u64, books: &Mutex<Books>) {
    let mut random = SmallRng::seed_from_u64(seed);
    locked(books).life += 1;
    let mut daemon: Daemon = bench.start();
    let address = daemon.aws_address();
    for queue in QUEUES {
        make_queue(&mut Client::new(address), queue, VISIBILITY_S);
    }
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            scope.spawn(move || produce(address, seed.wrapping_mul(31) + producer, producer, books));
        }
        for consumer in 0..CONSUMERS * 2 {
            let queue = QUEUES[usize::try_from(consumer % 2).unwrap()];
            scope.spawn(move || {
                let mut random = SmallRng::seed_from_u64(seed.wrapping_mul(37) + consumer);
                let mut client = Client::new(address);
                while consume(&mut client, &mut random, queue, books, false) {}
            });
        }
        thread::sleep(Duration::from_millis(random.random_range(50..1_200)));
        daemon.kill();
    });
}

/// Takes all that is left, and holds the books against it.
fn settle(bench: &Bench, books: &Mutex<Books>) {
    locked(books).life += 1;
    let daemon = bench.start();
    let (mut client, mut random) = (Client::new(daemon.aws_address()), SmallRng::seed_from_u64(0));
    let begun = Instant::now();
    for queue in QUEUES {
        while queue_depth(&mut client, queue) != [0, 0, 0] {
            assert!(consume(&mut client, &mut random, queue, books, true), "the daemon has died");
            assert!(begun.elapsed() < PATIENCE, "{queue} has messages that nobody gets");
        }
    }
    daemon.stop();
    let books = locked(books);
    let lost = books.messages.iter().filter(|(_, message)| message.acknowledged && !message.deletion_asked);
    let lost: Vec<_> = lost.map(|(key, _)| key).collect();
    assert!(lost.is_empty(), "acknowledged and never seen: {lost:?}");
}

#[test]
fn kill_nine_loses_no_message_undoes_no_deletion_and_keeps_every_order() {
    let cycles = number_from_environment("CAUDAL_KILL_CYCLES", CYCLES);
    let seed = number_from_environment("CAUDAL_SEED", 9);
    println!("CAUDAL_SEED={seed} CAUDAL_KILL_CYCLES={cycles}");
    let bench = Bench::new(AWS_TOPOLOGY)
        .with("CAUDAL__STORAGE__LOG_FILE", "256KiB")
        .with("CAUDAL__STORAGE__SNAPSHOT", "512KiB");
    let books = Mutex::new(Books::default());
    (1..=cycles).for_each(|number| cycle(&bench, seed.wrapping_add(number), &books));
    settle(&bench, &books);
    let books = locked(&books);
    let count =
        |which: fn(&Message) -> bool| books.messages.values().filter(|message| which(message)).count();
    println!(
        "{cycles} kills: {} messages acknowledged of {} sent, {} deletions answered, {} shown early after a kill",
        count(|message| message.acknowledged),
        books.messages.len(),
        count(|message| message.deleted.is_some()),
        books.early
    );
    assert!(count(|message| message.acknowledged) as u64 > cycles, "hardly anything was acknowledged");
    let doctor = bench.verb(&["doctor", bench.data().to_str().unwrap()]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}
