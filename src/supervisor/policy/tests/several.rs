use super::Watch;

const TWO: &str = r#"{"min": 1, "max": 50, "desired": 10, "cooldown": "0s", "policies": [
    {"target_tracking": {"target": 100, "scale_in_after": "10s"}},
    {"utilisation": {"target": 0.5, "scale_in_after": "10s"}}]}"#;

#[test]
fn a_pool_of_several_policies_grows_when_any_says_so_and_shrinks_when_all_do() {
    let mut pool = Watch::new(TWO);
    pool.busy = 0.5;
    pool.seen.backlog = 2_000;
    pool.second();
    assert_eq!(pool.last(), (20, "target_tracking", "backlog 2,000 at a target of 100 per worker needs 20"));
    // Nothing waits, but half of the workers are busy.
    pool.seen.backlog = 0;
    pool.seconds(120);
    assert_eq!(pool.desired(), 20, "{:?}", pool.log);
    pool.busy = 0.1;
    pool.seconds(60);
    assert!(pool.desired() <= 4, "{:?}", pool.log);
    assert_eq!(pool.log[1].2, "utilisation", "the one that needs most is named: {:?}", pool.log);
}

#[test]
fn a_policy_that_cannot_tell_blocks_scale_in_and_not_scale_out() {
    let mut pool = Watch::new(TWO);
    (pool.follows, pool.seen.in_service, pool.seen.pending) = (false, 0, 10);
    pool.seconds(300);
    assert_eq!(pool.desired(), 10, "no worker has been measured: {:?}", pool.log);
    pool.seen.backlog = 3_000;
    pool.second();
    assert_eq!(pool.desired(), 30);
}

#[test]
fn policies_that_only_scale_out_leave_scale_in_to_the_others() {
    let mut pool = Watch::new(
        r#"{"min": 1, "max": 50, "desired": 10, "cooldown": "0s", "policies": [
            {"step": {"metric": "age", "threshold": 5, "period": "1s", "steps": [{"from": 0, "by": 5}]}},
            {"target_tracking": {"target": 100, "disable_scale_in": true}},
            {"utilisation": {"outstanding": 1, "target": 1.0, "scale_in_after": "10s"}}]}"#,
    );
    pool.seen.backlog = 4;
    pool.seconds(20);
    assert_eq!(pool.last().0, 4, "{:?}", pool.log);
    pool.seen.oldest_age = Some(std::time::Duration::from_secs(6));
    pool.seconds(2);
    assert_eq!(pool.desired(), 9, "{:?}", pool.log);
    pool.seconds(120);
    assert!(pool.log.iter().rev().take(5).all(|(_, _, by, _)| *by == "step"), "above its threshold it holds");
}
