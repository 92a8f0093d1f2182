use super::*;
use crate::{load::scenario::Keys, units::ByteSize};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::HashMap;

fn all_kinds() -> Vec<Payloads> {
    let size = Sizes::Uniform { min: ByteSize(1), max: ByteSize(3_000) };
    vec![
        Payloads::Trips,
        Payloads::Clickstream,
        Payloads::Orders,
        Payloads::Purchases,
        Payloads::Bytes { size, entropy: 0.5 },
    ]
}

fn made(maker: &Maker, number: u64, key: u32) -> Vec<u8> {
    let mut out = b"before".to_vec();
    maker.write(number, key, 1_700_000_000_123, &mut out);
    out.split_off(6)
}

fn shares(draws: usize, mut draw: impl FnMut() -> u32) -> HashMap<u32, f64> {
    let mut counts = HashMap::new();
    (0..draws).for_each(|_| *counts.entry(draw()).or_insert(0.0) += 1.0 / draws as f64);
    counts
}

proptest! {
    #[test]
    fn every_record_is_json_of_one_line_with_its_producer_number_time_and_key(
        seed in any::<u64>(), number in 0..1_000_000_u64, producer in 0..500_u32, key in 0..9_999_u32,
    ) {
        for payloads in all_kinds() {
            let maker = Maker::new(payloads.clone(), seed, producer);
            let bytes = made(&maker, number, key);
            prop_assert!(!bytes.contains(&b'\n'));
            let record: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(record["producer"].as_u64(), Some(u64::from(producer)));
            prop_assert_eq!(record["number"].as_u64(), Some(number));
            prop_assert_eq!(record["at"].as_i64(), Some(1_700_000_000_123));
            prop_assert_eq!(&record["key"], &Value::from(format!("{producer}-{key}")));
            // The same again, and another for another seed.
            prop_assert_eq!(&made(&maker, number, key), &bytes);
            let other = Maker::new(payloads, seed ^ 1, producer);
            prop_assert!(bytes.len() < 150 || made(&other, number, key) != bytes);
        }
    }

    #[test]
    fn digits_are_those_of_the_standard_library(value in any::<u64>(), width in 1..12_usize) {
        let (mut plain, mut hexadecimal) = (Vec::new(), Vec::new());
        json::digits(value, &mut plain);
        json::hexadecimal(value, 16, &mut hexadecimal);
        prop_assert_eq!(plain, value.to_string().into_bytes());
        prop_assert_eq!(hexadecimal, format!("{value:016x}").into_bytes());
        let mut padded = Vec::new();
        json::padded(value % 10, width, &mut padded);
        prop_assert_eq!(padded, format!("{:0width$}", value % 10).into_bytes());
    }

    #[test]
    fn random_bytes_have_the_length_asked_for(bytes in 100..100_000_u64, seed in any::<u64>()) {
        let payloads = Payloads::Bytes { size: Sizes::Fixed { bytes: ByteSize(bytes) }, entropy: 1.0 };
        let record = made(&Maker::new(payloads, seed, 3), 17, 5);
        prop_assert_eq!(record.len() as u64, bytes);
    }

    #[test]
    fn a_producer_draws_only_keys_that_exist_and_are_its_own(
        count in 1..300_u32, producers in 1..20_u32, share in 0.0..=1.0, seed in any::<u64>(),
    ) {
        let producers = producers.min(count);
        let mut random = SmallRng::seed_from_u64(seed);
        for keys in [
            Keys::Uniform { count },
            Keys::Zipf { count, exponent: share * 2.0 },
            Keys::Hot { count, share },
        ] {
            let lots = KeyLots::new(&keys, producers);
            for _ in 0..50 {
                let key = lots.draw(&mut random);
                prop_assert!(key.producer < producers);
                prop_assert!(key.index * producers + key.producer < count, "{key:?}");
            }
            for producer in 0..producers {
                let own = OwnKeys::new(&keys, producer, producers);
                let drawn = own.draw(&mut random);
                prop_assert!(drawn * producers + producer < count, "{keys:?}: {drawn} of {producer}");
            }
        }
    }
}

#[test]
fn a_hot_key_has_its_share_and_the_others_the_rest_evenly() {
    let lots = KeyLots::new(&Keys::Hot { count: 11, share: 0.3 }, 4);
    let mut random = SmallRng::seed_from_u64(5);
    let shares = shares(200_000, || {
        let key = lots.draw(&mut random);
        key.index * 4 + key.producer
    });
    assert!((shares[&0] - 0.3).abs() < 0.01, "{shares:?}");
    assert!((1..11).all(|key| (shares[&key] - 0.07).abs() < 0.005), "{shares:?}");
}

#[test]
fn zipf_shares_fall_with_the_rank_among_all_keys_and_among_a_producers_own() {
    let keys = Keys::Zipf { count: 100, exponent: 1.0 };
    let whole: f64 = (1..=100).map(|rank| 1.0 / f64::from(rank)).sum();
    let (lots, mut random) = (KeyLots::new(&keys, 3), SmallRng::seed_from_u64(6));
    let all = shares(300_000, || {
        let key = lots.draw(&mut random);
        key.index * 3 + key.producer
    });
    for rank in [1, 2, 3, 10, 50] {
        let (share, expected) = (all[&(rank - 1)], 1.0 / f64::from(rank) / whole);
        assert!((share - expected).abs() < 0.004, "rank {rank}: {share} instead of {expected}");
    }
    // Producer 1 of 3 has the ranks 2, 5, 8 and so on.
    let own = OwnKeys::new(&keys, 1, 3);
    let own = shares(300_000, || own.draw(&mut random));
    assert!((own[&0] / own[&1] - 2.5).abs() < 0.1, "{own:?}");
}

#[test]
fn what_cannot_be_compressed_is_not_and_what_has_no_entropy_shrinks_to_nothing() {
    let packed = |entropy: f64| {
        let payloads = Payloads::Bytes { size: Sizes::Fixed { bytes: ByteSize(100_000) }, entropy };
        let record = made(&Maker::new(payloads, 1, 0), 0, 0);
        zstd::bulk::compress(&record, 3).unwrap().len()
    };
    // Six bits of each byte are random.
    let (none, half, full) = (packed(0.0), packed(0.5), packed(1.0));
    assert!(full > 74_000 && none < 1_000 && (30_000..45_000).contains(&half), "{none} {half} {full}");
}

#[test]
fn exponential_lengths_have_their_mean_and_keep_below_their_bound() {
    let size = Sizes::Exponential { mean: ByteSize(2_000), max: ByteSize(100_000) };
    let maker = Maker::new(Payloads::Bytes { size, entropy: 0.0 }, 9, 0);
    let lengths: Vec<usize> = (0..4_000).map(|number| made(&maker, number, 0).len()).collect();
    let mean = lengths.iter().sum::<usize>() as f64 / 4_000.0;
    assert!((1_850.0..2_150.0).contains(&mean), "{mean}");
    assert!(lengths.iter().all(|length| *length <= 100_000));
}

#[test]
fn lines_of_a_file_go_round_and_their_faults_are_told_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.jsonl");
    std::fs::write(&file, "{\"a\": 1}\n\n  { \"b\" : [2] }\n{}\n").unwrap();
    let payloads = Payloads::new(&Records::File { keys: Keys::default(), path: file.clone() }).unwrap();
    let maker = Maker::new(payloads, 1, 0);
    let records: Vec<Value> =
        (0..4).map(|number| serde_json::from_slice(&made(&maker, number, 2)).unwrap()).collect();
    assert_eq!((&records[0]["a"], &records[1]["b"][0], &records[3]["a"]), (&1.into(), &2.into(), &1.into()));
    assert_eq!(records[2]["number"], 2);
    for (text, told) in [
        ("{}\n[1]\n", "lines.jsonl:2: it is no JSON object"),
        ("{\"at\":1}\n", "the field \"at\" itself; rename it"),
        ("\n", "has no lines"),
    ] {
        std::fs::write(&file, text).unwrap();
        let fault = Recorded::read(&file).unwrap_err().to_string();
        assert!(fault.contains(told), "{fault}");
    }
}

#[test]
fn lengths_of_records_span_the_powers_of_two_evenly_up_to_ten_mebibytes() {
    let size = Sizes::LogUniform { min: ByteSize(1 << 10), max: ByteSize(10 << 20) };
    let maker = Maker::new(Payloads::Bytes { size, entropy: 0.0 }, 8, 0);
    let length = |number| {
        let mut record = Vec::new();
        maker.write(number, 0, 0, &mut record);
        record.len()
    };
    let lengths: Vec<usize> = (0..400).map(length).collect();
    assert!(lengths.iter().all(|length| (1 << 10..=10 << 20).contains(length)));
    // Of 13.3 doublings 5 lie below 32 KiB.
    let short = lengths.iter().filter(|length| **length < 32 << 10).count();
    assert!((120..180).contains(&short), "{short} of 400");
    assert!(lengths.iter().any(|length| *length > 5 << 20), "none is long");
}
