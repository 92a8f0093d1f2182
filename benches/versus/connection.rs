//! HTTP/1.1 by hand: requests made once and sent as they are, answers kept as bytes.

use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longest time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);
const PIECE: usize = 256 << 10;

/// A connection that is kept alive, if the server does, or made anew.
pub struct Connection {
    address: String,
    socket: TcpStream,
    /// The server ended it with its last answer.
    is_over: bool,
    received: Vec<u8>,
}

/// A service as requests name it: the prefix of targets, the type of bodies, the name in signatures.
pub struct Spoken {
    pub target: &'static str,
    pub content_type: &'static str,
    pub name: &'static str,
}

/// A request as it goes out. The signature is no real one: no server that is measured here verifies it.
pub fn request(spoken: &Spoken, operation: &str, body: &[u8]) -> Vec<u8> {
    let (signature, Spoken { target, content_type, name }) = ("0".repeat(64), spoken);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n\
         X-Amz-Target: {target}.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=load/20260101/us-east-1/{name}/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

impl Connection {
    pub async fn open(address: &str) -> Self {
        let socket = TcpStream::connect(address).await.expect("connect");
        socket.set_nodelay(true).expect("nodelay");
        Self { address: address.to_owned(), socket, is_over: false, received: Vec::new() }
    }

    /// Sends a request and reads its answer to the end; gives the body. Anything but success ends the run.
    pub async fn call(&mut self, request: &[u8]) -> &[u8] {
        if self.is_over {
            *self = Self { received: std::mem::take(&mut self.received), ..Self::open(&self.address).await };
        }
        let body = tokio::time::timeout(PATIENCE, self.exchange(request)).await.expect("an answer in time");
        &self.received[body]
    }

    async fn exchange(&mut self, request: &[u8]) -> std::ops::Range<usize> {
        self.socket.write_all(request).await.expect("write");
        self.received.clear();
        let head = loop {
            self.read_piece().await;
            if let Some(at) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.received[..head]).to_ascii_lowercase();
        let header = |name: &str| text.split(name).nth(1).and_then(|rest| rest.split("\r\n").next());
        self.is_over = header("\r\nconnection:").is_some_and(|kept| kept.trim() == "close");
        let length: Option<usize> =
            header("\r\ncontent-length:").map(|length| length.trim().parse().expect("length"));
        match length {
            Some(length) => self.read_to(head + length).await,
            None => self.read_chunks(head).await,
        }
        let told = || String::from_utf8_lossy(&self.received[..self.received.len().min(2_000)]).into_owned();
        let is_taken = text.starts_with("http/1.1 200") || text.starts_with("http/1.1 202");
        assert!(is_taken, "{}", told());
        head..self.received.len()
    }

    async fn read_piece(&mut self) {
        self.received.reserve(PIECE);
        let read = self.socket.read_buf(&mut self.received).await.expect("read");
        assert!(read > 0, "the server closed the connection");
    }

    async fn read_to(&mut self, end: usize) {
        while self.received.len() < end {
            self.read_piece().await;
        }
    }

    /// Reads chunks and takes their frames out, so that the body lies in one piece.
    async fn read_chunks(&mut self, body: usize) {
        let (mut kept, mut at) = (body, body);
        loop {
            let line = loop {
                match self.received[at..].windows(2).position(|two| two == b"\r\n") {
                    Some(length) => break at + length,
                    None => self.read_piece().await,
                }
            };
            let size = String::from_utf8_lossy(&self.received[at..line]).into_owned();
            let size = size.split(';').next().map(|size| usize::from_str_radix(size.trim(), 16));
            let size = size.and_then(Result::ok).expect("size of a chunk");
            self.read_to(line + 2 + size + 2).await;
            self.received.copy_within(line + 2..line + 2 + size, kept);
            kept += size;
            at = line + 2 + size + 2;
            if size == 0 {
                break self.received.truncate(kept);
            }
        }
    }
}
