//! A server that stores nothing: it reads each request and gives an answer that was made before. What the load
//! gets from it is the most that any server could show on this machine.

use memchr::memmem;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const PIECE: usize = 256 << 10;
/// As many as the load puts into one call, and finds in one shard.
const RECORDS_PUT: usize = 500;
const RECORDS_IN_SHARD: usize = 4_000;
const SHARDS: usize = 8;
const RECORD_BYTES: usize = 1024;
/// The iterator behind the last record.
const END: &str = "end-of-the-shard";
const NUMBER: &str = "49590338271490256608559692538361571095921575989136588898";

/// Whole answers by operation; those of CBOR under `cbor`.
type Answers = HashMap<&'static str, Vec<u8>>;

fn answer(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nx-amzn-RequestId: {}\r\nContent-Length: {}\r\n\r\n",
        "0".repeat(36),
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn json_answer(body: &Value) -> Vec<u8> {
    answer("application/x-amz-json-1.1", body.to_string().as_bytes())
}

/// Answers of the streams API.
fn streams() -> Answers {
    let shards: Vec<Value> =
        (0..SHARDS).map(|shard| json!({"ShardId": format!("shardId-{shard:012}")})).collect();
    let stored = json!({"SequenceNumber": NUMBER, "ShardId": "shardId-000000000000"});
    let record = |data: &str| {
        json!({"SequenceNumber": NUMBER, "ApproximateArrivalTimestamp": 1_700_000_000.123, "Data": data,
               "PartitionKey": "01234567"})
    };
    let page = |records: usize, next: &str| {
        // The length of base64; of CBOR, whose bytes are not looked at, that of the data itself.
        let found = record(&"A".repeat(RECORD_BYTES.div_ceil(3) * 4));
        json!({"Records": vec![found; records], "NextShardIterator": next, "MillisBehindLatest": 0})
    };
    let binary = json!({"Records": vec![record(&"A".repeat(RECORD_BYTES)); RECORDS_IN_SHARD]}).to_string();
    let put = json!({"FailedRecordCount": 0, "Records": vec![stored; RECORDS_PUT]});
    HashMap::from([
        ("CreateStream", json_answer(&json!({}))),
        (
            "DescribeStream",
            json_answer(&json!({"StreamDescription": {"StreamStatus": "ACTIVE", "Shards": shards}})),
        ),
        ("PutRecords", json_answer(&put)),
        ("GetShardIterator", json_answer(&json!({"ShardIterator": "first"}))),
        ("GetRecords", json_answer(&page(RECORDS_IN_SHARD, END))),
        (END, json_answer(&page(0, END))),
        ("cbor", answer("application/x-amz-cbor-1.1", binary.as_bytes())),
    ])
}

/// Answers of the queue API.
fn queues() -> Answers {
    let done: Vec<Value> = (0..10).map(|number| json!({"Id": format!("m{number}")})).collect();
    let sent = json!({"MessageId": "0".repeat(36), "MD5OfMessageBody": "0".repeat(32)});
    let message = json!({"MessageId": "0".repeat(36), "ReceiptHandle": "A".repeat(64),
                         "MD5OfBody": "0".repeat(32), "Body": "m".repeat(RECORD_BYTES)});
    HashMap::from([
        ("CreateQueue", json_answer(&json!({"QueueUrl": "http://localhost/000000000000/carried"}))),
        ("SendMessage", json_answer(&sent)),
        ("SendMessageBatch", json_answer(&json!({"Successful": done}))),
        ("ReceiveMessage", json_answer(&json!({"Messages": [message]}))),
        ("ten", json_answer(&json!({"Messages": vec![message.clone(); 10]}))),
        ("DeleteMessage", json_answer(&json!({}))),
        ("DeleteMessageBatch", json_answer(&json!({"Successful": done}))),
    ])
}

/// Which answer a request gets.
fn choose<'a>(answers: &'a Answers, head: &str, body: &[u8]) -> &'a [u8] {
    let target = head.split("x-amz-target:").nth(1).and_then(|rest| rest.split("\r\n").next());
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default().trim();
    let has = |part: &str| memmem::find(body, part.as_bytes()).is_some();
    let known = |name: &str| answers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let found = match operation {
        "getrecords" if head.contains("x-amz-cbor") => known("cbor"),
        "getrecords" if has(END) => known(END),
        "receivemessage" if has("10") => known("ten"),
        _ => known(operation),
    };
    found.map_or(&[], |(_, answer)| answer)
}

async fn answer_all(mut socket: TcpStream, answers: Arc<Answers>) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut received = Vec::with_capacity(PIECE);
    loop {
        received.clear();
        let head = loop {
            received.reserve(PIECE);
            if socket.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
            if let Some(at) = memmem::find(&received, b"\r\n\r\n") {
                break at + 4;
            }
        };
        let text = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
        let length = text.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.and_then(|length| length.trim().parse().ok()).expect("content-length");
        while received.len() < head + length {
            received.reserve(PIECE);
            socket.read_buf(&mut received).await?;
        }
        socket.write_all(choose(&answers, &text, &received[head..])).await?;
    }
}

/// Serves until killed.
pub fn serve(port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("runtime").block_on(async {
        let answers = Arc::new(streams().into_iter().chain(queues()).collect::<Answers>());
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("bind");
        loop {
            let (socket, _) = listener.accept().await.expect("accept");
            tokio::spawn(answer_all(socket, Arc::clone(&answers)));
        }
    });
}
