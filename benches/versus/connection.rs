//! HTTP/1.1 by hand: requests made once and sent as they are, answers kept as bytes, or dropped unread.
//!
//! The load shares the machine with the server, so that whatever an answer costs it is taken from the server.
//! Of most answers it reads the head alone, which says that all is well and how long the body is. So many
//! bytes are then received and dropped by the kernel, which copies none of them (`MSG_TRUNC`, tcp(7)): they
//! have crossed the connection as ever, and were made, sent and acknowledged by the server's kernel as ever.

use bytes::BufMut;
use memchr::{memchr, memmem};
use socket2::SockRef;
use std::{io::ErrorKind, ops::Range, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
};

/// Longest time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);
const PIECE: usize = 256 << 10;
/// Read at first of an answer that nobody looks at: its head, and little of what follows.
const HEAD: usize = 1 << 10;
/// Most bytes that are dropped at once.
const DROPPED: usize = 4 << 20;
/// Drop what is received instead of copying it: `<linux/socket.h>`, alike on all processors.
const MSG_TRUNC: i32 = 0x20;

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

/// What the head of an answer says; read without a copy, since most of the load's own work is this.
struct Head {
    /// Where the body begins.
    end: usize,
    is_taken: bool,
    /// The server ends the connection with it.
    is_last: bool,
    /// Of the body, unless it comes in chunks.
    length: Option<usize>,
}

impl Head {
    /// Of what has been received, once it is whole.
    fn of(received: &[u8]) -> Option<Self> {
        let end = memmem::find(received, b"\r\n\r\n")? + 4;
        let mut lines = received[..end].split(|byte| *byte == b'\n');
        let status = lines.next().unwrap_or_default();
        let is_taken = [b"HTTP/1.1 200", b"HTTP/1.1 202"].iter().any(|taken| status.starts_with(*taken));
        let mut head = Self { end, is_taken, is_last: false, length: None };
        for line in lines {
            let Some(colon) = memchr(b':', line) else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                let length = std::str::from_utf8(value).ok().and_then(|length| length.parse().ok());
                head.length = Some(length.expect("length"));
            } else if name.eq_ignore_ascii_case(b"connection") {
                head.is_last = value.eq_ignore_ascii_case(b"close");
            }
        }
        Some(head)
    }
}

impl Connection {
    pub async fn open(address: &str) -> Self {
        let socket = TcpStream::connect(address).await.expect("connect");
        socket.set_nodelay(true).expect("nodelay");
        Self { address: address.to_owned(), socket, is_over: false, received: Vec::new() }
    }

    /// Sends a request and reads its answer to the end; gives the body. Anything but success ends the run.
    pub async fn call(&mut self, request: &[u8]) -> &[u8] {
        let body = self.answered(request, true).await;
        &self.received[body]
    }

    /// The same, with a body that nobody looks at.
    pub async fn call_unread(&mut self, request: &[u8]) {
        self.answered(request, false).await;
    }

    async fn answered(&mut self, request: &[u8], is_read: bool) -> Range<usize> {
        if self.is_over {
            *self = Self { received: std::mem::take(&mut self.received), ..Self::open(&self.address).await };
        }
        tokio::time::timeout(PATIENCE, self.exchange(request, is_read)).await.expect("an answer in time")
    }

    async fn exchange(&mut self, request: &[u8], is_read: bool) -> Range<usize> {
        self.socket.write_all(request).await.expect("write");
        self.received.clear();
        let head = loop {
            self.read_piece(if is_read { PIECE } else { HEAD }).await;
            if let Some(head) = Head::of(&self.received) {
                break head;
            }
        };
        self.is_over = head.is_last;
        match head.length {
            Some(length) if !is_read => self.drop_to(head.end + length).await,
            Some(length) => self.read_to(head.end + length).await,
            None => self.read_chunks(head.end).await,
        }
        let told = || String::from_utf8_lossy(&self.received[..self.received.len().min(2_000)]).into_owned();
        assert!(head.is_taken, "{}", told());
        head.end..self.received.len()
    }

    async fn read_piece(&mut self, most: usize) {
        self.received.reserve(most);
        let room = &mut (&mut self.received).limit(most);
        let read = self.socket.read_buf(room).await.expect("read");
        assert!(read > 0, "the server closed the connection");
    }

    async fn read_to(&mut self, end: usize) {
        while self.received.len() < end {
            self.read_piece(PIECE).await;
        }
    }

    /// Has the kernel drop what comes, up to the end of an answer.
    async fn drop_to(&mut self, end: usize) {
        let mut left = end.checked_sub(self.received.len()).expect("one answer to one request");
        while left > 0 {
            let Self { socket, received, .. } = &mut *self;
            // Memory that is named and never written.
            received.reserve(DROPPED);
            let most = left.min(DROPPED);
            let room = &mut received.spare_capacity_mut()[..most];
            socket.readable().await.expect("read");
            match socket
                .try_io(Interest::READABLE, || SockRef::from(&*socket).recv_with_flags(room, MSG_TRUNC))
            {
                Ok(0) => panic!("the server closed the connection"),
                Ok(dropped) => left -= dropped,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("read: {error}"),
            }
        }
    }

    /// Reads chunks and takes their frames out, so that the body lies in one piece.
    async fn read_chunks(&mut self, body: usize) {
        let (mut kept, mut at) = (body, body);
        loop {
            let line = loop {
                match self.received[at..].windows(2).position(|two| two == b"\r\n") {
                    Some(length) => break at + length,
                    None => self.read_piece(PIECE).await,
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
