//! A server that workers post to: it counts the attempts, and takes a known time.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// What the server has seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub messages: AtomicU64,
    /// Messages that came for the second time or later.
    pub repeated: AtomicU64,
}

/// Answers each batch after a fixed time for each message; ends when dropped.
#[derive(Debug)]
pub struct WorkServer {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    pub seen: Arc<Seen>,
}

/// At most so many batches are worked on at a time; the others wait.
#[derive(Debug)]
struct Room {
    free: Mutex<usize>,
    left: Condvar,
}

impl Room {
    fn enter(&self) {
        let mut free = self.left.wait_while(self.free.lock().unwrap(), |free| *free == 0).unwrap();
        *free -= 1;
    }

    fn leave(&self) {
        *self.free.lock().unwrap() += 1;
        self.left.notify_one();
    }
}

impl WorkServer {
    /// `at_once` is how many batches are worked on at the same time.
    pub fn start(each: Duration, at_once: usize) -> Self {
        Self::answering(each, at_once, |_| b"{}".to_vec())
    }

    /// Gives every message back as it came.
    pub fn echoing() -> Self {
        Self::answering(Duration::ZERO, usize::MAX, |messages| {
            let result =
                |message: &Value| serde_json::json!({ "id": message["id"], "data": message["data"] });
            let results: Vec<Value> = messages.iter().map(result).collect();
            serde_json::json!({ "results": results }).to_string().into_bytes()
        })
    }

    fn answering(each: Duration, at_once: usize, answer: Answering) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ended, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Seen::default()));
        let room = Arc::new(Room { free: Mutex::new(at_once), left: Condvar::new() });
        let (has_ended, counts) = (Arc::clone(&ended), Arc::clone(&seen));
        thread::spawn(move || {
            for connection in listener.incoming() {
                if has_ended.load(SeqCst) {
                    return;
                }
                let (counts, room) = (Arc::clone(&counts), Arc::clone(&room));
                thread::spawn(move || serve(connection.unwrap(), each, answer, &counts, &room));
            }
        });
        Self { address, ended, seen }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn messages(&self) -> u64 {
        self.seen.messages.load(SeqCst)
    }
}

impl Drop for WorkServer {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        // Wakes the listener, so that its thread ends.
        let _ = TcpStream::connect(self.address);
    }
}

/// What is answered to messages.
type Answering = fn(&[Value]) -> Vec<u8>;

fn serve(connection: TcpStream, each: Duration, answer: Answering, seen: &Seen, room: &Room) {
    connection.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(connection);
    while let Some(body) = read_body(&mut reader) {
        let batch: Value = serde_json::from_slice(&body).unwrap();
        let messages = batch["messages"].as_array().unwrap();
        let repeated = messages.iter().filter(|message| message["attempt"] != 1).count();
        room.enter();
        thread::sleep(each * u32::try_from(messages.len()).unwrap());
        room.leave();
        seen.messages.fetch_add(messages.len() as u64, SeqCst);
        seen.repeated.fetch_add(repeated as u64, SeqCst);
        let body = answer(messages);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if reader.get_mut().write_all(&[head.into_bytes(), body].concat()).is_err() {
            return;
        }
    }
}

/// The body of the next request; `None` at the end of the connection.
fn read_body(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or(("", ""));
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
