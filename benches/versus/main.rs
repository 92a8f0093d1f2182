//! The load of `benches/versus/run`: the same calls to any server of the streams API.
//!
//! `versus put json|cbor ADDRESS SECONDS` writes, `versus get json|cbor ADDRESS SECONDS` reads what it wrote
//! first; each prints one line of JSON. `versus batches|singles ADDRESS SECONDS` carries messages through a queue;
//! `fill`, `drain`, `count` and `wait` are for `benches/versus/depth`. `versus crowd ADDRESS STREAMS SHARDS` makes
//! streams that nobody uses, for `benches/versus/crowd`: so many of one shard, and one of so many shards.
//! `versus post PATH CONNECTIONS RECORDS ADDRESS SECONDS` posts lines of JSON, and `versus nats each|atomic
//! CONNECTIONS MESSAGES ADDRESS SECONDS` publishes to JetStream, for `benches/versus/nats` and `mq-bridge`. `versus
//! nothing PORT` is a server that stores nothing. 500 records of 1 KiB a call, 8 connections, 8 shards, one thread.
//!
//! The server gets what there is of the machine, whichever it is: bodies are made before the clock starts, and
//! no answer is parsed while it runs. Each must say that all is well and come to its end; the first of each
//! connection and every 32nd from there on is read whole and looked at, the others are dropped by the kernel
//! as they come (see [`connection`]). That favours no server: a client's own cost is the same for each call, so
//! that it hides part of what one server does faster than another, and the less there is of it, the less is
//! hidden. Answers in chunks are read as a whole, for their ends are told only by what is between them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench that cannot measure stops"
)]

mod connection;
mod depth;
mod encoded;
mod ingest;
mod nats;
mod nothing;
mod queues;
mod streams;

use connection::Connection;
use serde_json::json;
use std::time::{Duration, Instant};
use streams::{Protocol, crowd, get, put};

/// Of so many answers, one is read whole and looked at.
const LOOKED_AT: usize = 32;
const SETTLING: Duration = Duration::from_secs(60);

/// What came of a measurement.
struct Measured {
    calls: usize,
    /// Records, or messages that went all their way.
    records: usize,
    /// Times of all calls, in seconds.
    times: Vec<f64>,
    seconds: f64,
}

impl Measured {
    fn print(mut self) {
        self.times.sort_by(f64::total_cmp);
        let at = |share: f64| self.times[((self.times.len() - 1) as f64 * share) as usize] * 1e3;
        println!(
            "{}",
            json!({"calls": self.calls, "records": self.records, "seconds": self.seconds,
                   "median_ms": at(0.5), "p99_ms": at(0.99)})
        );
    }
}

/// Sends each connection's requests in turn until the time is over. A request stands with the records
/// that its answer confirms or has; `look` is given the answers that are read.
async fn drive(
    address: &str,
    requests: Vec<Vec<(Vec<u8>, usize)>>,
    lasts: Duration,
    look: fn(&[u8]),
) -> Measured {
    let started = Instant::now();
    let clients: Vec<_> = requests
        .into_iter()
        .map(|requests| {
            let address = address.to_owned();
            tokio::spawn(async move {
                let mut connection = Connection::open(&address).await;
                let (mut times, mut records) = (Vec::new(), 0);
                for (request, count) in requests.iter().cycle() {
                    let begun = Instant::now();
                    if times.len().is_multiple_of(LOOKED_AT) {
                        look(connection.call(request).await);
                    } else {
                        connection.call_unread(request).await;
                    }
                    times.push(begun.elapsed().as_secs_f64());
                    records += count;
                    if started.elapsed() >= lasts {
                        break;
                    }
                }
                (times, records)
            })
        })
        .collect();
    let mut measured = Measured { calls: 0, records: 0, times: Vec::new(), seconds: 0.0 };
    for client in clients {
        let (times, records) = client.await.expect("client");
        measured.calls += times.len();
        measured.records += records;
        measured.times.extend(times);
    }
    measured.seconds = started.elapsed().as_secs_f64();
    measured
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let number = |word: &str| word.parse().expect("number");
    let lasts = |seconds: &str| Duration::from_secs_f64(seconds.parse().expect("seconds"));
    match words.as_slice() {
        ["put", encoding, address, seconds] => {
            runtime.block_on(put(Protocol::read(encoding), address, lasts(seconds))).print();
        }
        ["get", encoding, address, seconds] => {
            runtime.block_on(get(Protocol::read(encoding), address, lasts(seconds))).print();
        }
        ["batches", address, seconds] => runtime.block_on(queues::drive(address, 10, lasts(seconds))).print(),
        ["singles", address, seconds] => runtime.block_on(queues::drive(address, 1, lasts(seconds))).print(),
        ["fill", address, name, messages, groups] => {
            runtime.block_on(depth::fill(address, name, number(messages), number(groups)));
        }
        ["drain", address, name, seconds] => {
            runtime.block_on(depth::drain(address, name, lasts(seconds))).print();
        }
        ["count", address, name] => println!("{}", runtime.block_on(depth::count(address, name))),
        ["wait", address, receivers, seconds] => {
            runtime.block_on(depth::wait(address, number(receivers), lasts(seconds))).print();
        }
        ["post", path, connections, records, address, seconds] => {
            let (connections, records) = (number(connections), number(records));
            runtime.block_on(ingest::post(address, path, connections, records, lasts(seconds))).print();
        }
        ["nats", how, connections, messages, address, seconds] => {
            let (connections, messages) = (number(connections), number(messages));
            let sending = nats::Sending { connections, messages, is_atomic: *how == "atomic" };
            runtime.block_on(nats::publish(address, sending, lasts(seconds))).print();
        }
        ["nothing", port] => nothing::serve(port.parse().expect("port")),
        ["crowd", address, streams, shards] => {
            runtime.block_on(crowd(address, number(streams), number(shards)));
        }
        _ => println!(
            "usage: versus put|get json|cbor ADDRESS SECONDS, batches|singles ADDRESS SECONDS; benches/report and the scripts of benches/versus do it all"
        ),
    }
}
