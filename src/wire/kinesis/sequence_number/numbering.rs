//! The numbers of many records of one shard, which begin alike.

use super::{
    Origin, SECONDS, seconds,
    wide::{Wide, divided, halves},
};
use crate::wire::protocol::decimal::{CHUNK, Digits};

/// Two chunks of digits say less than this.
const TWO_CHUNKS: u128 = CHUNK as u128 * CHUNK as u128;
/// Records behind the first whose numbers are reckoned from it: so many that nothing overflows.
const MOST: u64 = 1 << 40;

/// Writes the numbers of records from a first one on.
pub struct Numbering {
    origin: Origin,
    /// Sequence of the first record.
    first: u64,
    /// Its number as if it had come in 1970: what all of them begin with, and the rest.
    beginning: Digits,
    rest: u128,
}

impl Numbering {
    /// Digits of each number: the hexadecimal ones begin with 2, and there are 47.
    pub const DIGITS: usize = 56;

    pub fn new(origin: Origin, first: u64) -> Self {
        let number = Wide::from(origin.number(first, 0));
        let [_, _, third, last] = number.chunks();
        let rest = u128::from(third) * u128::from(CHUNK) + u128::from(last);
        Self { origin, first, beginning: number.digits(), rest }
    }

    /// The number of the record with this sequence: see [`Origin::number`].
    pub fn digits(&self, sequence: u64, arrived_at_ms: i64) -> Digits {
        let steps = sequence.checked_sub(self.first).filter(|steps| *steps < MOST);
        let time = u128::from(seconds(arrived_at_ms)) & SECONDS;
        let rest = steps.map(|steps| self.rest + (u128::from(steps) << 80) + (time << 36));
        match rest {
            Some(rest) if rest < TWO_CHUNKS => {
                let [low, high] = halves(rest);
                let (third, last) = divided(high, low);
                self.beginning.ending([third, last])
            }
            // What they begin with changes once in 80 million million records.
            _ => self.origin.number(sequence, arrived_at_ms).digits(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_go_on_where_their_beginning_changes() {
        let origin = Origin { created_s: 1_700_000_000, shard: 7 };
        let at = 1_700_000_100_000;
        // 10^38 is 2^126.2: the beginning changes somewhere among 2^46.3 sequences.
        let beginning = |sequence| origin.number(sequence, at).to_string()[..18].to_owned();
        let (mut low, mut high) = (0, 1 << 47);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if beginning(middle) == beginning(0) { low = middle } else { high = middle }
        }
        let numbering = Numbering::new(origin, high - 10);
        for sequence in high - 12..high + 10 {
            assert_eq!(numbering.digits(sequence, at).as_str(), origin.number(sequence, at).to_string());
        }
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_each_record_alone(
            created_s in 0_u64..1 << 36,
            shard in 0_u32..1 << 31,
            first in 0_u64..i64::MAX as u64 - (1 << 42),
            steps in prop::collection::vec(0_u64..1 << 41, 1..20),
            at_ms in -1_000_i64..1 << 46,
        ) {
            let origin = Origin { created_s, shard };
            let numbering = Numbering::new(origin, first);
            for step in steps {
                let (digits, number) = (numbering.digits(first + step, at_ms), origin.number(first + step, at_ms));
                prop_assert_eq!(digits.as_str(), number.to_string());
                prop_assert_eq!(digits.as_str().len(), Numbering::DIGITS);
            }
        }
    }
}
