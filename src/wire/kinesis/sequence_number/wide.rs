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
        let chunk = u128::from(CHUNK);
        let high = u128::from(self.high);
        let middle = (high % chunk) << 64 | u128::from(middle);
        let low = (middle % chunk) << 64 | u128::from(low);
        let [high, _] = halves(high / chunk);
        // A rest is below the divisor, so each quotient has at most 64 bits.
        (Self { high, low: (middle / chunk) << 64 | (low / chunk) }, halves(low % chunk)[0])
    }
}

/// The low and the high 64 bits.
fn halves(number: u128) -> [u64; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
    [number as u64, (number >> 64) as u64]
}

impl std::fmt::Display for Wide {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rest, last) = self.split();
        let (rest, third) = rest.split();
        let (rest, second) = rest.split();
        let mut started = false;
        for chunk in [rest.low as u64, second, third] {
            if started {
                write!(out, "{chunk:019}")?;
            } else if chunk > 0 {
                write!(out, "{chunk}")?;
                started = true;
            }
        }
        if started { write!(out, "{last:019}") } else { write!(out, "{last}") }
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
