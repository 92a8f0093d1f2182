//! Workers that never come into service, or come and fail: they are replaced, and the pool goes on without them.

use super::Watch;

fn pool(policy: &str) -> Watch {
    let mut pool = Watch::new(&format!(
        r#"{{"min": 1, "max": 50, "desired": 10, "cooldown": "0s", "policies": [{policy}]}}"#
    ));
    (pool.follows, pool.seen.in_service, pool.seen.pending) = (false, 9, 1);
    pool
}

/// A worker that starts again and again, of which one observation in ten sees something.
fn flap(pool: &mut Watch, seconds: u32) {
    for second in 0..seconds {
        let serves = u32::from(second % 10 == 9);
        let most = pool.desired();
        pool.seen.in_service = (8 + serves).min(most);
        pool.seen.pending = most - pool.seen.in_service;
        pool.second();
    }
}

const POLICIES: [&str; 3] = [
    r#"{"target_tracking": {"target": 100, "scale_in_after": "3m"}}"#,
    r#"{"utilisation": {"target": 0.5}}"#,
    r#"{"step": {"metric": "backlog", "threshold": 10, "period": "1m", "steps": [{"to": 0, "by": -2}]}}"#,
];

#[test]
fn a_worker_that_never_comes_into_service_does_not_keep_the_others() {
    for policy in POLICIES {
        let mut pool = pool(policy);
        pool.seconds(119);
        assert_eq!(pool.desired(), 10, "{policy}: it may be on its way: {:?}", pool.log);
        pool.seconds(120);
        assert!(pool.desired() < 9, "{policy}: {:?}", pool.log);
    }
}

#[test]
fn neither_does_one_that_comes_and_fails_again_and_again() {
    for policy in POLICIES {
        let mut pool = pool(policy);
        flap(&mut pool, 119);
        assert_eq!(pool.desired(), 10, "{policy}: {:?}", pool.log);
        flap(&mut pool, 180);
        assert!(pool.desired() < 9, "{policy}: {:?}", pool.log);
    }
}

#[test]
fn steps_outwards_count_from_what_is_ordered_once_the_missing_are_given_up() {
    let mut pool = pool(
        r#"{"step": {"metric": "backlog", "threshold": 100, "period": "10s", "steps": [{"from": 0, "by": 1}]}}"#,
    );
    pool.seen.backlog = 500;
    pool.seconds(119);
    assert_eq!(pool.desired(), 10, "nine and one is ten: {:?}", pool.log);
    pool.seconds(20);
    assert_eq!(pool.desired(), 11, "{:?}", pool.log);
}
