//! What the library refuses by itself, said in the words of the server's owner.
//!
//! The library answers on its own what it cannot read as HTTP/1.1, and whoever is too slow with a head: a
//! status, no body, and no place where anybody else has a say in it (`h1/dispatcher.rs` of actix-http 3).
//! So the answers of a connection are followed by their lengths as they leave. All that the owner gives
//! carry a mark, the name of a header; one without it is the library's, and the owner's words go out in its
//! place. Whatever would follow a connection's last answer stays here.

use actix_web::http::{StatusCode, header::HttpDate};
use std::{sync::Arc, time::SystemTime};

/// What the owner of a server says where the library would.
#[derive(Clone)]
pub struct Refusals {
    /// The name, in lower case, of a header that each of the owner's own answers has.
    pub mark: &'static str,
    /// What is said with a status.
    pub words: Arc<dyn Fn(u16) -> Words + Send + Sync>,
}

/// An answer without what HTTP itself needs.
#[derive(Debug, Clone)]
pub struct Words {
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Refusals {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Refusals").field("mark", &self.mark).finish_non_exhaustive()
    }
}

impl Refusals {
    /// The last answer of a connection.
    pub(super) fn answer(&self, status: u16) -> Vec<u8> {
        let Words { headers, body } = (self.words)(status);
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or_default());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let (length, date) = (body.len(), HttpDate::from(SystemTime::now()));
        head.push_str(&format!("content-length: {length}\r\nconnection: close\r\ndate: {date}\r\n\r\n"));
        [head.into_bytes(), body].concat()
    }
}

/// Where the bytes that the library sends have come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answers {
    mark: &'static str,
    /// Bytes that go out as they are.
    left: u64,
    /// What comes after them.
    next: Next,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Head,
    /// A piece of a body whose length was not known; it is the last answer or not.
    Chunk {
        is_last: bool,
    },
    /// Nothing that should.
    End,
}

/// Why bytes may not go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// An answer of the library's own begins here.
    Unmarked { status: u16 },
    /// The connection has had its last answer.
    Over,
}

impl Answers {
    /// Of a connection that has just been opened.
    pub(super) fn new(mark: &'static str) -> Self {
        Self { mark, left: 0, next: Next::Head }
    }

    /// After the last answer.
    pub(super) fn ended(self) -> Self {
        Self { left: 0, next: Next::End, ..self }
    }

    /// Where the bytes come to by the first `until` of them, how many of those may go out, and what keeps
    /// the others. The library holds a head, and the line before a piece, until all of it is sent: it is
    /// whole where it begins, though not all of it may be among the first.
    pub(super) fn through(mut self, bytes: &[u8], until: usize) -> (Self, usize, Option<Halt>) {
        let mut at = 0;
        loop {
            let step = usize::try_from(self.left).unwrap_or(usize::MAX).min(until - at);
            (at, self.left) = (at + step, self.left - step as u64);
            if at == until {
                return (self, at, None);
            }
            if let Some(halt) = self.meet(bytes.get(at..).unwrap_or_default()) {
                return (self, at, Some(halt));
            }
        }
    }

    /// Looks at what begins with these bytes.
    fn meet(&mut self, bytes: &[u8]) -> Option<Halt> {
        match self.next {
            Next::End => return Some(Halt::Over),
            Next::Head => match Head::read(bytes, self.mark) {
                Some(head) if head.is_own => (self.left, self.next) = head.then(),
                Some(head) => return Some(Halt::Unmarked { status: head.status }),
                None => self.left = u64::MAX,
            },
            Next::Chunk { is_last } => match chunk(bytes) {
                Some((line, 0)) => {
                    self.left = line + 2;
                    self.next = if is_last { Next::End } else { Next::Head };
                }
                Some((line, length)) => self.left = line.saturating_add(length).saturating_add(2),
                None => self.left = u64::MAX,
            },
        }
        None
    }
}

/// The head of an answer, as far as it matters.
struct Head {
    status: u16,
    /// Bytes of the head itself.
    size: u64,
    /// Bytes of the body; `None` when it comes in pieces or, over HTTP/1.0, goes on until the end.
    length: Option<u64>,
    is_chunked: bool,
    is_last: bool,
    /// The owner's, or none yet: "100 Continue".
    is_own: bool,
}

impl Head {
    fn read(bytes: &[u8], mark: &str) -> Option<Self> {
        let size = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let mut lines = std::str::from_utf8(bytes.get(..size)?).ok()?.lines();
        let (version, told) = lines.next()?.strip_prefix("HTTP/1.")?.split_once(' ')?;
        let status: u16 = told.split(' ').next()?.parse().ok()?;
        let is_interim = status < 200;
        let (mut length, mut is_chunked, mut is_last, mut is_own) = (None, false, false, is_interim);
        // An answer to HEAD, or none yet.
        if version == "1" {
            length = Some(0);
        }
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            match name {
                "content-length" => length = value.parse().ok(),
                "transfer-encoding" => is_chunked = value == "chunked",
                "connection" => is_last = value == "close",
                _ => is_own |= name == mark,
            }
        }
        Some(Self { status, size: size as u64, length, is_chunked, is_last, is_own })
    }

    /// How many bytes belong to it, and what comes then.
    fn then(&self) -> (u64, Next) {
        let after = if self.is_last { Next::End } else { Next::Head };
        match self.length {
            _ if self.is_chunked => (self.size, Next::Chunk { is_last: self.is_last }),
            Some(length) => (self.size.saturating_add(length), after),
            None => (u64::MAX, Next::End),
        }
    }
}

/// The bytes of the line before a piece, and of the piece.
fn chunk(bytes: &[u8]) -> Option<(u64, u64)> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    let length = u64::from_str_radix(std::str::from_utf8(bytes.get(..end)?).ok()?, 16).ok()?;
    Some((end as u64 + 2, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

    const OWN: &str = "HTTP/1.1 400 Bad Request\r\nx-id: 7\r\n";
    const REFUSED: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\
        connection: close\r\ndate: Mon, 23 Nov 2026 02:00:00 GMT\r\n\r\n";

    /// What goes out when as many bytes are taken at once as the draw says, and what kept the rest.
    fn sent(bytes: &[u8], draw: &mut StdRng) -> (Vec<u8>, Option<Halt>) {
        let (mut answers, mut out) = (Answers::new("x-id"), Vec::new());
        while out.len() < bytes.len() {
            let rest = &bytes[out.len()..];
            let (_, allowed, halt) = answers.through(rest, rest.len());
            if allowed == 0 {
                return (out, halt);
            }
            let written = draw.random_range(1..=allowed.min(70));
            (answers, ..) = answers.through(rest, written);
            out.extend_from_slice(&rest[..written]);
        }
        (out, None)
    }

    #[test]
    fn answers_of_the_owner_go_out_as_they_are_whatever_they_hold() {
        let mut draw = StdRng::seed_from_u64(11);
        for _ in 0..300 {
            let mut all = String::new();
            for _ in 0..draw.random_range(1..6) {
                match draw.random_range(0..4) {
                    0 => all.push_str("HTTP/1.1 100 Continue\r\n\r\n"),
                    // To HEAD.
                    3 => all.push_str(&format!("{OWN}\r\n")),
                    // A record may look like a refusal.
                    1 => all.push_str(&format!("{OWN}content-length: {}\r\n\r\n{REFUSED}", REFUSED.len())),
                    _ => {
                        all.push_str(&format!("{OWN}transfer-encoding: chunked\r\n\r\n"));
                        let piece = format!("{:X}\r\n{REFUSED}\r\n", REFUSED.len());
                        all.push_str(&piece.repeat(draw.random_range(0..4)));
                        all.push_str("0\r\n\r\n");
                    }
                }
            }
            assert_eq!(sent(all.as_bytes(), &mut draw), (all.clone().into_bytes(), None));
            let refused = Some(Halt::Unmarked { status: 431 });
            assert_eq!(sent(format!("{all}{REFUSED}").as_bytes(), &mut draw), (all.into_bytes(), refused));
        }
    }

    #[test]
    fn nothing_follows_a_last_answer() {
        let mut draw = StdRng::seed_from_u64(12);
        let whole = format!("{OWN}content-length: 2\r\nconnection: close\r\n\r\n{{}}");
        let pieces =
            format!("{OWN}transfer-encoding: chunked\r\nconnection: close\r\n\r\n1\r\na\r\n0\r\n\r\n");
        for last in [whole, pieces] {
            let expected = (last.clone().into_bytes(), Some(Halt::Over));
            assert_eq!(sent(format!("{last}{REFUSED}").as_bytes(), &mut draw), expected);
        }
        let endless = format!("{}\r\nuntil the end {REFUSED}", OWN.replace("1.1", "1.0"));
        assert_eq!(sent(endless.as_bytes(), &mut draw), (endless.clone().into_bytes(), None));
    }

    #[test]
    fn the_owner_speaks_in_http() {
        let words = |status: u16| Words { headers: vec![("x-id", status.to_string())], body: b"no".to_vec() };
        let refusals = Refusals { mark: "x-id", words: Arc::new(words) };
        let said = String::from_utf8(refusals.answer(408)).unwrap();
        assert!(said.starts_with("HTTP/1.1 408 Request Timeout\r\nx-id: 408\r\ncontent-length: 2\r\n"));
        assert!(
            said.contains("\r\nconnection: close\r\ndate: ") && said.ends_with(" GMT\r\n\r\nno"),
            "{said}"
        );
    }
}
