//! Decimal digits without a division for each: numbers and times are half of what an answer has beside its data.

use super::Timestamp;

/// One more than eight digits can say.
const EIGHT: u64 = 100_000_000;
/// Times from here on are left to who writes any double.
const MOST_MILLISECONDS: i64 = 1_000_000_000_000_000;

/// The eight digits of a number below 100,000,000, with leading zeroes: all of them at once, in lanes of one
/// word that are halved three times.
#[inline]
fn eight(number: u32) -> [u8; 8] {
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    // Multiplied by the inverse of 100, and of 10: exact below 10,000, and below 100.
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | (twos - tens * 10) << 8;
    (ones | 0x3030_3030_3030_3030).to_le_bytes()
}

/// The largest power of ten that a word holds, and its digits.
pub(in crate::wire) const CHUNK: u64 = 10_000_000_000_000_000_000;
pub(in crate::wire) const CHUNK_DIGITS: usize = 19;

/// A number in decimal digits, without memory of its own.
#[derive(Debug)]
pub struct Digits {
    text: [u8; 4 * CHUNK_DIGITS],
    /// Zeroes before the number.
    zeroes: usize,
}

impl Digits {
    /// By its chunks, each below [`CHUNK`], the highest first.
    pub(in crate::wire) fn of(chunks: [u64; 4]) -> Self {
        let mut text = [b'0'; 4 * CHUNK_DIGITS];
        let (places, _) = text.as_chunks_mut();
        places.iter_mut().zip(chunks).for_each(|(place, chunk)| write_chunk(place, chunk));
        let zeroes = text.iter().take(text.len() - 1).take_while(|digit| **digit == b'0').count();
        Self { text, zeroes }
    }

    /// The same with other chunks at its end; there is one before them.
    pub(in crate::wire) fn ending(&self, chunks: [u64; 2]) -> Self {
        let mut text = self.text;
        if let ([_, _, third, last], _) = text.as_chunks_mut() {
            write_chunk(third, chunks[0]);
            write_chunk(last, chunks[1]);
        }
        Self { text, zeroes: self.zeroes }
    }

    pub(in crate::wire) fn as_bytes(&self) -> &[u8] {
        self.text.get(self.zeroes..).unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("0")
    }
}

/// The digits of a number below [`CHUNK`], with leading zeroes.
#[inline]
fn write_chunk(place: &mut [u8; CHUNK_DIGITS], chunk: u64) {
    let (first, rest) = place.split_at_mut(CHUNK_DIGITS - 16);
    let (high, low) = (chunk / EIGHT, chunk % EIGHT);
    let (high, middle) = (high / EIGHT, high % EIGHT);
    // Each part has eight digits at most, the first of them three.
    first.copy_from_slice(eight(high as u32).split_at(5).1);
    if let ([first, second], _) = rest.as_chunks_mut() {
        *first = eight(middle as u32);
        *second = eight(low as u32);
    }
}

/// A time as JSON has it: as a double is written that has this many thousandths.
pub(super) struct Seconds {
    text: [u8; 20],
    zeroes: usize,
    end: usize,
}

impl Seconds {
    /// `None` for times before 1970 or 30,000 years from it.
    pub(super) fn of(time: Timestamp) -> Option<Self> {
        let milliseconds = u64::try_from(time.0).ok().filter(|_| time.0 < MOST_MILLISECONDS)?;
        let (seconds, thousandths) = (milliseconds / 1_000, milliseconds % 1_000);
        let mut text = [b'.'; 20];
        let (places, fraction) = text.as_chunks_mut::<8>();
        if let [high, low] = places {
            *high = eight((seconds / EIGHT) as u32);
            *low = eight((seconds % EIGHT) as u32);
        }
        let [.., hundred, ten, one] = eight(thousandths as u32);
        if let [_, places @ ..] = fraction {
            places.copy_from_slice(&[hundred, ten, one]);
        }
        let zeroes = text.iter().take(15).take_while(|digit| **digit == b'0').count();
        // One digit follows the point always.
        let end = match (one, ten) {
            (b'0', b'0') => 18,
            (b'0', _) => 19,
            _ => 20,
        };
        Some(Self { text, zeroes, end })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.get(self.zeroes..self.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn eight_digits_are_those_of_the_number() {
        let near = (0..8).map(|power| 10_u32.pow(power)).flat_map(|power| [power - 1, power, power + 1]);
        let groups = (0..10_000).flat_map(|four| [four, four * 10_000]);
        for number in near.chain(groups).chain([99_999_999]) {
            assert_eq!(eight(number), format!("{number:08}").as_bytes(), "{number}");
        }
    }

    fn assert_as_a_double(milliseconds: i64) {
        let time = Timestamp(milliseconds);
        let written =
            Seconds::of(time).map(|seconds| String::from_utf8(seconds.as_bytes().to_vec()).unwrap());
        assert_eq!(written.unwrap(), serde_json::to_string(&time.seconds()).unwrap());
    }

    #[test]
    fn times_are_written_as_doubles_are() {
        for milliseconds in
            [0, 1, 10, 100, 999, 1_000, 1_010, 1_459_799_926_480, 1_700_000_000_000, MOST_MILLISECONDS - 1]
        {
            assert_as_a_double(milliseconds);
        }
        assert!(Seconds::of(Timestamp(-1)).is_none() && Seconds::of(Timestamp(MOST_MILLISECONDS)).is_none());
    }

    proptest! {
        #[test]
        fn any_time_is_written_as_a_double_is(milliseconds in 0..MOST_MILLISECONDS, shift in 0..50) {
            assert_as_a_double(milliseconds >> shift);
        }

        #[test]
        fn any_eight_digits_are_those_of_the_number(number in 0_u32..100_000_000) {
            prop_assert_eq!(eight(number).to_vec(), format!("{number:08}").into_bytes());
        }
    }
}
