//! What a program says to people: its stderr, line by line into the log, bounded in length and rate.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest line logged, in bytes; the rest of a longer one is left out.
const LONGEST: usize = 4_096;
/// Most lines logged in a second.
const MOST: u32 = 100;
const SECOND: Duration = Duration::from_secs(1);
/// Lines remembered for the reason of its end, and the most bytes of each.
const REMEMBERED: usize = 3;
const LONGEST_REMEMBERED: usize = 200;
const PIECE: usize = 8_192;

/// The last words of a process, shared with whoever tells why it ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(Arc<Mutex<VecDeque<String>>>);

impl Words {
    fn remember(&self, line: &str) {
        let Some(cut) = line.get(..line.floor_char_boundary(LONGEST_REMEMBERED)) else { return };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.push_back(cut.to_owned());
        while last.len() > REMEMBERED {
            last.pop_front();
        }
    }

    /// `; its last words: ...`, or nothing.
    pub fn last(&self) -> String {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let words: Vec<&str> = last.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        if words.is_empty() { String::new() } else { format!("; its last words: {}", words.join(" | ")) }
    }
}

/// Logs each line of `source` until it ends. `name` is "stderr" or "stdout".
pub(super) async fn listen(mut source: impl AsyncRead + Unpin, name: &'static str, pid: u32, words: Words) {
    let mut heard = Heard::default();
    let mut allowance = Allowance::new(Instant::now());
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = source.read(&mut piece).await {
        let mut lines = Vec::new();
        heard.take_in(piece.get(..length).unwrap_or_default(), &mut lines);
        for line in lines {
            say(&line, name, pid, &words, &mut allowance);
        }
    }
    if let Some(line) = heard.rest() {
        say(&line, name, pid, &words, &mut allowance);
    }
    allowance.tell(pid);
}

fn say(line: &str, name: &'static str, pid: u32, words: &Words, allowance: &mut Allowance) {
    words.remember(line);
    if allowance.take(Instant::now(), pid) {
        tracing::info!(target: "caudal::worker", pid, line, "{name}");
    }
}

/// How many more lines may be logged in this second.
#[derive(Debug)]
struct Allowance {
    since: Instant,
    logged: u32,
    left_out: u64,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { since: now, logged: 0, left_out: 0 }
    }

    fn take(&mut self, now: Instant, pid: u32) -> bool {
        if now.saturating_duration_since(self.since) >= SECOND {
            self.tell(pid);
            *self = Self::new(now);
        }
        let may = self.logged < MOST;
        if may {
            self.logged += 1;
        } else {
            self.left_out += 1;
        }
        may
    }

    /// Says how many lines were left out, when there are some.
    fn tell(&self, pid: u32) {
        if self.left_out > 0 {
            tracing::warn!(
                target: "caudal::worker",
                pid,
                lines = self.left_out,
                most_per_second = MOST,
                "lines of a program were left out of the log"
            );
        }
    }
}

/// The line under way, cut at [`LONGEST`].
#[derive(Debug, Default)]
struct Heard {
    line: Vec<u8>,
}

impl Heard {
    fn take_in(&mut self, piece: &[u8], lines: &mut Vec<String>) {
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = LONGEST.saturating_sub(self.line.len());
            self.line.extend_from_slice(part.get(..room).unwrap_or(part));
            if parts.peek().is_some() {
                lines.extend(self.rest());
            }
        }
    }

    /// The line as far as it came, unless it is empty.
    fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_limit_and_told_apart() {
        let (mut heard, mut lines) = (Heard::default(), Vec::new());
        heard.take_in(b"one\r\ntw", &mut lines);
        heard.take_in(b"o\n\n", &mut lines);
        heard.take_in(&vec![b'x'; 3 * LONGEST], &mut lines);
        heard.take_in(b"yyy\nlast", &mut lines);
        assert_eq!(lines[..2], ["one", "two"]);
        assert_eq!((lines.len(), lines[2].as_str()), (3, "x".repeat(LONGEST).as_str()));
        assert_eq!(heard.rest().as_deref(), Some("last"));
    }

    #[test]
    fn what_is_logged_in_a_second_is_bounded_and_what_is_not_is_counted() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let logged = (0..1_000).filter(|_| allowance.take(start, 1)).count();
        assert_eq!((logged, allowance.left_out), (MOST as usize, 1_000 - u64::from(MOST)));
        assert!(allowance.take(start + SECOND, 1));
        assert_eq!(allowance.left_out, 0);
    }

    #[test]
    fn the_last_words_are_the_last_ones() {
        let words = Words::default();
        assert_eq!(words.last(), "");
        for line in ["Traceback:", "  File \"review.py\", line 3", "ValueError: é", &"x".repeat(500)] {
            words.remember(line);
        }
        let expected = format!("File \"review.py\", line 3 | ValueError: é | {}", "x".repeat(200));
        assert_eq!(words.last(), format!("; its last words: {expected}"));
    }
}
