//! What arrivals are known by across a restart.

use super::arrivals::Arrivals;
use std::time::{Duration, Instant};

/// Records of a second: 100 and up to a fifth more or less, without any order.
fn came(second: u64) -> u64 {
    80 + second * 7_919 % 41
}

fn watched(seconds: u64) -> Arrivals {
    let (begun, mut arrivals, mut sum) = (Instant::now(), Arrivals::default(), 0);
    for second in 0..=seconds {
        arrivals.learn(begun + Duration::from_secs(second), sum);
        sum += came(second);
    }
    arrivals
}

fn recalled(of: &Arrivals, age: Duration) -> Arrivals {
    let kept = serde_json::to_string(&of.remember()).unwrap();
    assert!(kept.len() < 8_000, "{} bytes", kept.len());
    let mut arrivals = Arrivals::default();
    arrivals.recall(age, &serde_json::from_str(&kept).unwrap());
    arrivals
}

#[test]
fn a_restart_forgets_nothing_of_what_arrived() {
    for seconds in [0, 1, 30, 121, 400, 900] {
        let before = watched(seconds);
        let after = recalled(&before, Duration::from_secs(2));
        assert!(
            (after.rate() - before.rate()).abs() < 1e-3,
            "{seconds} s: {} {}",
            after.rate(),
            before.rate()
        );
        assert!((after.seconds() - before.seconds()).abs() < 1e-3, "{seconds} s: {}", after.seconds());
        assert!((after.error() - before.error()).abs() < 1e-3, "{seconds} s");
    }
}

#[test]
fn after_a_long_break_only_the_rate_counts_and_no_more_than_two_minutes_of_it() {
    let before = watched(400);
    let after = recalled(&before, Duration::from_secs(300));
    assert!((after.rate() - before.rate()).abs() < 1e-3);
    assert!((after.seconds() - 120.0).abs() < 1e-6, "{}", after.seconds());
    let none = recalled(&Arrivals::default(), Duration::from_secs(300));
    assert_eq!((none.rate(), none.seconds()), (0.0, 0.0));
}
