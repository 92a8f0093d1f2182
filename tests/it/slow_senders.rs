//! Two hundred clients that send their bodies byte by byte, at an ingress and at the AWS endpoint: others are
//! served as ever, and the slow ones come to an end.

use crate::support::{
    AWS_TOPOLOGY, Bench, Client, Daemon, PATIENCE,
    aws::{self, JSON},
    raw_lines,
};
use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// Slow ones at each of the two servers: half of them end their body, half never do.
const SLOW: usize = 100;
/// What the daemon may need for all of them, in bytes.
const MOST_MEMORY: u64 = 96 << 20;
/// Between two bytes of a body.
const PAUSE: Duration = Duration::from_millis(20);
/// Of bodies that are never ended: much more than comes within the 30 s that a body may take.
const ENDLESS: usize = 1 << 20;
const RECORDS: &str = "/streams/trips/records";

/// A client that sends a byte at a time.
struct Slow {
    connection: TcpStream,
    left: std::vec::IntoIter<u8>,
    answer: Vec<u8>,
    is_over: bool,
}

impl Slow {
    fn connect(address: SocketAddr, head: &str, body: Vec<u8>) -> Self {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(head.as_bytes()).unwrap();
        connection.set_nodelay(true).unwrap();
        connection.set_nonblocking(true).unwrap();
        Self { connection, left: body.into_iter(), answer: Vec::new(), is_over: false }
    }

    /// Sends one byte, unless there is an answer or nothing left to send.
    fn step(&mut self) {
        let mut piece = [0; 4096];
        match self.connection.read(&mut piece) {
            Ok(0) => self.is_over = true,
            Ok(length) => {
                self.answer.extend_from_slice(&piece[..length]);
                self.is_over = true;
            }
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => {
                if let Some(byte) = self.left.next() {
                    // A daemon that has ended the connection is seen by the next look.
                    let _ = self.connection.write(&[byte]);
                }
            }
            Err(_) => self.is_over = true,
        }
    }

    fn status(&self) -> Option<u16> {
        String::from_utf8_lossy(&self.answer).split(' ').nth(1)?.parse().ok()
    }
}

fn slow_post(daemon: &Daemon, number: usize, ends: bool) -> Slow {
    let body = record("slow-http", number).into_bytes();
    let length = if ends { body.len() } else { ENDLESS };
    let head = format!("POST {RECORDS} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    Slow::connect(daemon.ingress_address(), &head, filled(body, length))
}

fn slow_put(daemon: &Daemon, number: usize, ends: bool) -> Slow {
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, record("slow-aws", number));
    let whole =
        aws::request("PutRecord", &format!(r#"{{"StreamName":"trips","PartitionKey":"a","Data":"{data}"}}"#));
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    let length = if ends { body.len() } else { ENDLESS };
    let head = head.replace(&format!("content-length: {}", body.len()), &format!("content-length: {length}"));
    Slow::connect(daemon.aws_address(), &(head + "\r\n\r\n"), filled(body.as_bytes().to_vec(), length))
}

fn filled(mut body: Vec<u8>, length: usize) -> Vec<u8> {
    body.resize(length, b' ');
    body
}

fn record(who: &str, number: usize) -> String {
    format!("{{\"who\":\"{who}\",\"number\":{number}}}")
}

/// Posts and puts one record after the other, over new connections now and then; all of them must be taken.
fn work(daemon: &Daemon, who: &str, ended: &AtomicBool, sent: &Mutex<BTreeSet<String>>) {
    let (mut ingress, mut endpoint) = (daemon.ingress(), daemon.aws().unwrap());
    for number in 0.. {
        if ended.load(SeqCst) {
            return;
        }
        let line = record(who, number);
        if number % 20 == 0 {
            (ingress, endpoint) = (daemon.ingress(), daemon.aws().unwrap());
        }
        let answer = if number % 2 == 0 {
            ingress.post(RECORDS, &[], line.as_bytes()).unwrap()
        } else {
            put(&mut endpoint, &line)
        };
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(sent.lock().unwrap().insert(line));
        thread::sleep(Duration::from_millis(10));
    }
}

fn put(endpoint: &mut Client, line: &str) -> crate::support::Answer {
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, line);
    let body = format!(r#"{{"StreamName":"trips","PartitionKey":"k","Data":"{data}"}}"#);
    aws::ask(endpoint, "PutRecord", JSON, &[], body.as_bytes())
}

/// Lets all of them send until each has its end.
fn run(slow: &mut [Slow]) {
    let began = Instant::now();
    while slow.iter().any(|one| !one.is_over) {
        assert!(began.elapsed() < PATIENCE, "a slow client is neither answered nor let go");
        slow.iter_mut().filter(|one| !one.is_over).for_each(Slow::step);
        thread::sleep(PAUSE);
    }
}

#[test]
fn two_hundred_slow_senders_hurt_nobody_and_come_to_an_end() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    daemon.wait_until_ready();
    let (ended, sent) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let before = daemon.resident_memory();
    let mut slow: Vec<Slow> = (0..SLOW)
        .flat_map(|number| {
            [slow_post(&daemon, number, number % 2 == 0), slow_put(&daemon, number, number % 2 == 0)]
        })
        .collect();
    thread::scope(|scope| {
        for who in ["one", "two", "three", "four"] {
            let (daemon, ended, sent) = (&daemon, &ended, &sent);
            scope.spawn(move || work(daemon, who, ended, sent));
        }
        run(&mut slow);
        ended.store(true, SeqCst);
    });
    let grown = daemon.peak_memory().saturating_sub(before);
    println!("{} records of others, {} MiB for all of it", sent.lock().unwrap().len(), grown >> 20);
    assert!(grown < MOST_MEMORY, "the daemon has grown by {} MiB", grown >> 20);
    for (place, one) in slow.iter().enumerate() {
        let ends = place / 2 % 2 == 0;
        let expected = if ends { 200 } else { 408 };
        // A byte that crosses the answer may cost a client the answer, but not its end.
        let is_let_go = !ends && one.status().is_none();
        assert!(
            is_let_go || one.status() == Some(expected),
            "{place}: {}",
            String::from_utf8_lossy(&one.answer)
        );
    }
    let told = slow.iter().filter(|one| one.status() == Some(408)).count();
    assert!(told > 0, "nobody was told why");

    // Slow ones that are still there keep nobody from draining.
    let _waiting: Vec<Slow> = (0..20).map(|number| slow_post(&daemon, number, false)).collect();
    daemon.stop();
    let stored = raw_lines(&bench.data().join("raw"));
    let mut expected = sent.into_inner().unwrap();
    for number in (0..SLOW).step_by(2) {
        expected.extend([record("slow-http", number), record("slow-aws", number)]);
    }
    assert_eq!(stored.len(), expected.len(), "each once");
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), expected);
}
