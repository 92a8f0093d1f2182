//! Whole numbers of up to 192 bits, as wide as a sequence number is.

use crate::wire::protocol::decimal::{CHUNK, CHUNK_DIGITS, Digits};

/// The inverse of `CHUNK`, whose highest bit is set: what 128 ones have of it, without their highest one.
const INVERSE: u64 = halves(u128::MAX / CHUNK as u128)[0];
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
/// By multiplying with the inverse: Möller and Granlund, "Improved division by invariant integers", algorithm 4.
pub(super) fn divided(rest: u64, next: u64) -> (u64, u64) {
    let guess = u128::from(rest) * u128::from(INVERSE) + (u128::from(rest) << 64 | u128::from(next));
    let [low, high] = halves(guess);
    let mut quotient = high.wrapping_add(1);
    let mut left = next.wrapping_sub(quotient.wrapping_mul(CHUNK));
    if left > low {
        quotient = quotient.wrapping_sub(1);
        left = left.wrapping_add(CHUNK);
    }
    if left >= CHUNK {
        quotient = quotient.wrapping_add(1);
        left -= CHUNK;
    }
    (quotient, left)
}

/// The low and the high 64 bits.
pub(super) const fn halves(number: u128) -> [u64; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
    [number as u64, (number >> 64) as u64]
}

impl Wide {
    pub(super) fn digits(self) -> Digits {
        Digits::of(self.chunks())
    }

    /// Its digits nineteen by nineteen, the highest first.
    pub(super) fn chunks(self) -> [u64; 4] {
        let (rest, last) = self.split();
        let (rest, third) = rest.split();
        let (rest, second) = rest.split();
        [halves(rest.low)[0], second, third, last]
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

    #[test]
    fn a_chunk_is_divided_off_at_every_edge() {
        let edges = [0, 1, 2, CHUNK - 2, CHUNK - 1, CHUNK, CHUNK + 1, u64::MAX - 1, u64::MAX, 1 << 63];
        for rest in edges.into_iter().filter(|rest| *rest < CHUNK) {
            for next in edges {
                let number = u128::from(rest) << 64 | u128::from(next);
                let expected = (number / u128::from(CHUNK), number % u128::from(CHUNK));
                let (quotient, left) = divided(rest, next);
                assert_eq!((quotient.into(), left.into()), expected, "{number}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_chunk_is_divided_off_as_rust_divides(rest in 0..CHUNK, next: u64) {
            let number = u128::from(rest) << 64 | u128::from(next);
            let (quotient, left) = divided(rest, next);
            prop_assert_eq!(u128::from(quotient), number / u128::from(CHUNK));
            prop_assert_eq!(u128::from(left), number % u128::from(CHUNK));
        }

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
