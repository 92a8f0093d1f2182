//! Records posted by HTTP: one a request, or many as lines of JSON.

use super::{Measured, drive};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::time::Duration;

pub const RECORD_BYTES: usize = 1024;

/// A JSON object of 1 KiB with a random text.
pub fn record(random: &mut SmallRng) -> Vec<u8> {
    let mut record = format!("{{\"id\":{},\"text\":\"", random.random::<u32>()).into_bytes();
    while record.len() < RECORD_BYTES - 2 {
        record.push(random.random_range(b'a'..=b'z'));
    }
    record.extend_from_slice(b"\"}");
    record
}

/// Posts so many records a request on so many connections, each of which waits for its answer.
pub async fn post(
    address: &str,
    path: &str,
    connections: usize,
    records: usize,
    lasts: Duration,
) -> Measured {
    let mut random = SmallRng::seed_from_u64(3);
    let one = |_| {
        let lines: Vec<Vec<u8>> = (0..records).map(|_| record(&mut random)).collect();
        let body = lines.join(&b'\n');
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        vec![([head.as_bytes(), &body].concat(), records)]
    };
    let requests = (0..connections).map(one).collect();
    drive(address, requests, lasts, |_| ()).await
}
