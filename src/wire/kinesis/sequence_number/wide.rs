//! Whole numbers of up to 192 bits, as wide as a sequence number is.

/// The largest power of ten that a limb holds, and its digits.
const CHUNK: u64 = 10_000_000_000_000_000_000;
const CHUNK_DIGITS: usize = 19;
/// 192 bits have at most 58 decimal digits.
const MOST_DIGITS: usize = 58;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wide {
    /// Bits 128 to 191.
    pub high: u64,
    /// Bits 0 to 127.
    pub low: u128,
}

impl Wide {
    /// Reads decimal digits; `None` when there is something else, or the number is wider than 192 bits.
    pub(super) fn parse(digits: &str) -> Option<Self> {
        if digits.is_empty()
            || digits.len() > MOST_DIGITS
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let mut number = Self { high: 0, low: 0 };
        for chunk in digits.as_bytes().chunks(CHUNK_DIGITS) {
            let scale = chunk.iter().fold(1, |scale: u64, _| scale.wrapping_mul(10));
            let value = chunk.iter().fold(0, |value: u64, digit| value * 10 + u64::from(digit - b'0'));
            number = number.scaled(scale, value)?;
        }
        Some(number)
    }

    /// `self * factor + addend`.
    fn scaled(self, factor: u64, addend: u64) -> Option<Self> {
        let [low, middle] = halves(self.low);
        let factor = u128::from(factor);
        let first = u128::from(low) * factor + u128::from(addend);
        let second = u128::from(middle) * factor + (first >> 64);
        let third = u128::from(self.high) * factor + (second >> 64);
        let [first, _] = halves(first);
        let [second, _] = halves(second);
        Some(Self { high: u64::try_from(third).ok()?, low: u128::from(second) << 64 | u128::from(first) })
    }

    /// The quotient by `CHUNK`, and the rest.
    fn split(self) -> (Self, u64) {
        let [low, middle] = halves(self.low);
        let (high, rest) = (self.high / CHUNK, self.high % CHUNK);
        let (middle, rest) = divided(rest, middle);
        let (low, rest) = divided(rest, low);
        (Self { high, low: u128::from(middle) << 64 | u128::from(low) }, rest)
    }
}

/// `rest`, which is below `CHUNK`, before the bits of `next`, divided by `CHUNK`; the quotient and the rest.
fn divided(rest: u64, next: u64) -> (u64, u64) {
    let (number, chunk) = (u128::from(rest) << 64 | u128::from(next), u128::from(CHUNK));
    // One division: the rest by multiplying is quicker than by another.
    let quotient = number / chunk;
    // A rest is below the divisor, so that the quotient has at most 64 bits.
    (halves(quotient)[0], halves(number - quotient * chunk)[0])
}

/// The low and the high 64 bits.
fn halves(number: u128) -> [u64; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
    [number as u64, (number >> 64) as u64]
}

/// Each number below 100 as two digits.
static PAIRS: [[u8; 2]; 100] = pairs();

#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which refuses a wrong index")]
const fn pairs() -> [[u8; 2]; 100] {
    let mut table = [[0; 2]; 100];
    let mut value = 0;
    while value < 100 {
        table[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    table
}

/// The digits of a number below `CHUNK`, with leading zeroes.
fn write_digits(place: &mut [u8; CHUNK_DIGITS], mut chunk: u64) {
    let (first, pairs) = place.split_at_mut(1);
    for pair in pairs.as_chunks_mut().0.iter_mut().rev() {
        *pair = PAIRS.get((chunk % 100) as usize).copied().unwrap_or_default();
        chunk /= 100;
    }
    first.fill(b'0' + (chunk % 10) as u8);
}

/// A number in decimal digits, without memory of its own.
pub struct Digits {
    text: [u8; 4 * CHUNK_DIGITS],
    /// Zeroes before the number.
    zeroes: usize,
}

impl Digits {
    pub fn as_str(&self) -> &str {
        self.text.get(self.zeroes..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("0")
    }
}

impl Wide {
    pub(super) fn digits(self) -> Digits {
        let (rest, last) = self.split();
        let (rest, third) = rest.split();
        let (rest, second) = rest.split();
        let mut text = [b'0'; 4 * CHUNK_DIGITS];
        let (places, _) = text.as_chunks_mut();
        for (place, chunk) in places.iter_mut().zip([halves(rest.low)[0], second, third, last]) {
            write_digits(place, chunk);
        }
        let zeroes = text.iter().take(text.len() - 1).take_while(|digit| **digit == b'0').count();
        Digits { text, zeroes }
    }
}

impl std::fmt::Display for Wide {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.digits().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_smallest_and_the_largest_are_written_and_read() {
        for (number, text) in [
            (Wide { high: 0, low: 0 }, "0"),
            (Wide { high: 0, low: u128::MAX }, "340282366920938463463374607431768211455"),
            (Wide { high: 1, low: 0 }, "340282366920938463463374607431768211456"),
            (
                Wide { high: u64::MAX, low: u128::MAX },
                "6277101735386680763835789423207666416102355444464034512895",
            ),
        ] {
            assert_eq!(number.to_string(), text);
            assert_eq!(Wide::parse(text), Some(number));
        }
        assert_eq!(Wide::parse("6277101735386680763835789423207666416102355444464034512896"), None);
        assert_eq!(Wide::parse(&"9".repeat(129)), None);
        assert_eq!(Wide::parse("12x"), None);
        assert_eq!(Wide::parse(""), None);
    }

    proptest! {
        #[test]
        fn every_number_comes_back_from_its_digits(high: u64, low: u128) {
            let number = Wide { high, low };
            prop_assert_eq!(Wide::parse(&number.to_string()), Some(number));
        }

        #[test]
        fn small_numbers_are_written_as_rust_writes_them(low: u128) {
            prop_assert_eq!(Wide { high: 0, low }.to_string(), low.to_string());
        }
    }
}
