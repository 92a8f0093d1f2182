use super::{wide::Wide, *};
use proptest::prelude::*;

const ORIGIN: Origin = Origin { created_s: 1_700_000_000, shard: 2 };

/// The decimal digits of a number that is given by its hexadecimal ones.
fn decimal(hexadecimal: &str) -> String {
    let digit = |letter: char| u64::from(letter.to_digit(16).unwrap());
    let number = hexadecimal.chars().fold(Wide { high: 0, low: 0 }, |number, letter| Wide {
        high: number.high << 4 | (number.low >> 124) as u64,
        low: number.low << 4 | u128::from(digit(letter)),
    });
    number.to_string()
}

#[test]
fn a_number_has_56_digits_and_the_published_layout() {
    let text = ORIGIN.number(0, 1_700_000_005_999).to_string();
    assert_eq!(text.len(), 56);
    let laid_out = |count: &str, time: &str| {
        decimal(&["2", "06553f100", "2", count, "00", time, "00000002", "2"].concat())
    };
    assert_eq!(text, laid_out("0000000000000001", "06553f105"));
    assert_eq!(ORIGIN.starting().to_string(), laid_out("0000000000000000", "06553f100"));
    assert_eq!(ORIGIN.ending(1_700_000_009_000).to_string(), laid_out("7fffffffffffffff", "06553f109"));
}

#[test]
fn starting_numbers_of_neighbouring_shards_differ_as_in_aws() {
    let start = |shard| Wide::parse(&Origin { shard, ..ORIGIN }.starting().to_string()).unwrap();
    let (first, second) = (start(0), start(1));
    let (low, borrow) = second.low.overflowing_sub(first.low);
    let difference = Wide { high: second.high - first.high - u64::from(borrow), low };
    assert_eq!(difference.to_string(), "22300745198530623141535718272648361505980432");
}

#[test]
fn reading_begins_at_a_record_or_after_it() {
    let number = SequenceNumber::parse(&ORIGIN.number(7, 1_700_000_005_000).to_string()).unwrap();
    assert_eq!((number.at(), number.after()), (7, 8));
    let start = SequenceNumber::parse(&ORIGIN.starting().to_string()).unwrap();
    assert_eq!((start.at(), start.after()), (0, 0));
    let resumed = SequenceNumber::parse(&ORIGIN.before(8, 1_700_000_006_000).to_string()).unwrap();
    assert_eq!(resumed.after(), 8);
}

#[test]
fn numbers_of_other_versions_are_known() {
    assert_eq!(SequenceNumber::parse("5").unwrap().origin.shard, 5);
    assert_eq!(SequenceNumber::restated("0"), "21267647932558653966460912964485513216");
    assert_eq!(
        SequenceNumber::restated("425352958651173072921826052383309826"),
        "21693000891209827039382739016868823042"
    );
    assert_eq!(
        SequenceNumber::restated(&decimal("f3bb2cc3d7ff7fffffffffffffff0000")),
        "26227199374821822965252748908982894592"
    );
    let first = SequenceNumber::parse(&decimal("20000000000000000000000000000000000000000000001")).unwrap();
    assert_eq!(first.version, 1);
}

#[test]
fn what_aws_refuses_is_refused() {
    for malformed in [
        "20000000000000000000000000000000000000000000000",
        "20000000000000000000000000000000000000000000004",
        "30000000000000000000000000000000000000000000001",
        "1ffffffffff7fffffffffffffff000000000007fffffff2",
        "20000000000800000000000000000000000000000000002",
        "20000000000000000000000000000000000000800000002",
        "13bb2cc3d80000000000000000000000",
    ] {
        assert_eq!(SequenceNumber::parse(&decimal(malformed)), Err(Malformed::Invalid), "{malformed}");
    }
    let third = decimal("20000000000000000000000000000000000000000000003");
    assert_eq!(SequenceNumber::parse(&third), Err(Malformed::Failure));
    for accepted in [
        "2ffffffffff7fffffffffffffff000000000007fffffff2",
        "20000000000000000000000000000000000000000000002",
        "20000000000000000000000000000000000000000000001",
    ] {
        assert!(SequenceNumber::parse(&decimal(accepted)).is_ok(), "{accepted}");
    }
}

proptest! {
    #[test]
    fn every_number_comes_back(created_s in 0_u64..1 << 36, shard in 0_u32..1 << 31, count in 0..LAST_COUNT, time_s in 0_u64..1 << 36) {
        let number = SequenceNumber { version: 2, origin: Origin { created_s, shard }, count, time_s };
        prop_assert_eq!(SequenceNumber::parse(&number.to_string()), Ok(number));
    }

    #[test]
    fn numbers_of_a_shard_are_ordered_as_its_records_are(earlier in 0..LAST_COUNT - 1, clock_fell in 0_i64..1_000_000) {
        let first = ORIGIN.number(earlier, 1_700_000_000_000 + clock_fell).to_string();
        let second = ORIGIN.number(earlier + 1, 1_700_000_000_000).to_string();
        prop_assert_eq!(first.len(), second.len());
        prop_assert!(first < second);
    }
}
