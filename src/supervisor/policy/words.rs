//! Numbers as they are said in reasons, and kept in memories.

use std::time::Instant;

/// Whole workers for a wanted capacity; a hair above a whole number is not worth one more.
pub(super) fn whole(workers: f64) -> u32 {
    (workers - 0.01).ceil().max(0.0) as u32
}

/// A rate or another number: with one digit after the point while it is small.
pub(super) fn number(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { grouped(value.round() as u64) }
}

/// Digits in groups of three: `12,400`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long ago something was.
pub(super) fn milliseconds(now: Instant, at: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(u64::MAX)
}
