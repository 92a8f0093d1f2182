use super::Watch;

fn pool(fields: &str, steps: &str) -> Watch {
    Watch::new(&format!(
        r#"{{"min": 0, "max": 100, "desired": 10, "cooldown": "0s",
            "policies": [{{"step": {{{fields}, "steps": {steps}}}}}]}}"#
    ))
}

/// The steps of the example in AWS's guide: 10 and 30 percent out and in around a threshold of 50.
const AWS: &str = r#"[
    {"from": 0, "to": 10, "by": 0}, {"from": 10, "to": 20, "by": 10}, {"from": 20, "by": 30},
    {"from": -10, "to": 0, "by": 0}, {"from": -20, "to": -10, "by": -10}, {"to": -20, "by": -30}]"#;
const PERCENT: &str = r#""metric": "backlog", "threshold": 50, "adjustment": "percent", "period": "1s""#;

#[test]
fn the_step_that_holds_the_distance_says_how_far_to_go_as_in_awss_example() {
    let mut pool = pool(PERCENT, AWS);
    for (backlog, capacity) in [(55, 10), (60, 11), (71, 14), (45, 14), (40, 13), (30, 10)] {
        pool.seen.backlog = backlog;
        let orders = pool.log.len();
        (0..4).for_each(|_| drop((pool.log.len() == orders).then(|| pool.second())));
        assert_eq!(pool.desired(), capacity, "at {backlog}: {:?}", pool.log);
    }
    assert_eq!(pool.last(), (10, "step", "backlog 30 is below 50 by 20: -30 %"));
}

#[test]
fn above_the_threshold_the_lower_bound_belongs_to_a_step_and_below_it_the_upper() {
    let steps = r#"[{"from": 0, "to": 10, "by": 1}, {"from": 10, "by": 2},
                    {"from": -10, "to": 0, "by": -1}, {"to": -10, "by": -2}]"#;
    for (backlog, capacity) in [(50, 11), (59, 11), (60, 12), (49, 9), (41, 9), (40, 8)] {
        let mut pool = pool(r#""metric": "backlog", "threshold": 50, "period": "1s""#, steps);
        pool.seen.backlog = backlog;
        pool.seconds(2);
        assert_eq!(pool.desired(), capacity, "at {backlog}: {:?}", pool.log);
    }
}

#[test]
fn a_step_down_to_a_threshold_of_nothing_is_taken_when_nothing_waits() {
    let mut pool =
        pool(r#""metric": "backlog", "threshold": 0, "period": "10s""#, r#"[{"to": 0, "by": -1}]"#);
    pool.seconds(25);
    assert_eq!(pool.desired(), 8, "{:?}", pool.log);
    pool.seen.backlog = 1;
    pool.seconds(60);
    assert_eq!(pool.desired(), 8);
}

#[test]
fn the_metric_must_stay_past_the_threshold_for_a_period() {
    let mut pool = pool(r#""metric": "age", "threshold": 5, "period": "1m""#, r#"[{"from": 0, "by": 2}]"#);
    let age = |seconds| Some(std::time::Duration::from_secs(seconds));
    pool.seen.oldest_age = age(9);
    pool.seconds(60);
    pool.seen.oldest_age = age(4);
    pool.second();
    pool.seen.oldest_age = age(9);
    pool.seconds(60);
    assert_eq!(pool.desired(), 10, "one second below begins it anew");
    pool.second();
    assert_eq!(pool.last(), (12, "step", "age of the oldest in seconds 9.0 is above 5.0 by 4.0: +2"));
    pool.seconds(60);
    assert_eq!(pool.desired(), 14, "and again after each period: {:?}", pool.log);
}

#[test]
fn while_workers_warm_up_a_higher_step_adds_only_the_difference() {
    let steps = r#"[{"from": 0, "to": 100, "by": 1}, {"from": 100, "by": 3}]"#;
    let mut pool = pool(r#""metric": "backlog", "threshold": 100, "period": "5s""#, steps);
    pool.follows = false;
    pool.seen.backlog = 150;
    pool.seconds(60);
    assert_eq!(pool.desired(), 11, "one is on its way: {:?}", pool.log);
    pool.seen.backlog = 500;
    pool.seconds(60);
    assert_eq!(pool.desired(), 13, "10 in service and 3: {:?}", pool.log);
    pool.seen.in_service = 13;
    pool.second();
    assert_eq!(pool.desired(), 16, "{:?}", pool.log);
}

#[test]
fn a_scale_in_waits_for_workers_on_their_way() {
    let steps = r#"[{"from": 0, "by": 4}, {"to": 0, "by": -1}]"#;
    let mut pool = pool(r#""metric": "backlog", "threshold": 100, "period": "5s""#, steps);
    pool.seen.backlog = 100;
    pool.seconds(6);
    assert_eq!(pool.desired(), 14);
    (pool.follows, pool.seen.in_service, pool.seen.backlog) = (false, 10, 0);
    pool.seconds(60);
    assert_eq!(pool.desired(), 14, "{:?}", pool.log);
    pool.seen.in_service = 14;
    pool.second();
    assert_eq!(pool.desired(), 13, "{:?}", pool.log);
}

#[test]
fn an_adjustment_is_a_change_a_capacity_or_a_percentage_towards_zero_but_at_least_one() {
    let after = |adjustment: &str, least: u32, by: i64| {
        let fields = format!(
            r#""metric": "backlog", "threshold": 1, "period": "1s", "adjustment": "{adjustment}", "min_adjustment": {least}"#
        );
        let mut pool = pool(&fields, &format!(r#"[{{"from": 0, "by": {by}}}]"#));
        pool.seen.backlog = 5;
        pool.seconds(2);
        pool.desired()
    };
    assert_eq!((after("change", 1, 3), after("change", 1, -3)), (13, 7));
    assert_eq!((after("exact", 1, 25), after("exact", 1, 2)), (25, 2));
    assert_eq!((after("percent", 1, 25), after("percent", 1, -25)), (12, 8));
    assert_eq!((after("percent", 1, 3), after("percent", 1, -3)), (11, 9));
    assert_eq!((after("percent", 4, 25), after("percent", 4, -25)), (14, 6));
    assert_eq!(after("change", 1, 1_000), 100, "within the bounds");
}

#[test]
fn a_metric_that_cannot_be_told_moves_nothing_and_begins_the_period_anew() {
    let fields = r#""metric": "backlog_per_worker", "threshold": 5, "period": "10s""#;
    let mut pool = pool(fields, r#"[{"from": 0, "by": 1}, {"to": 0, "by": -1}]"#);
    pool.seen.backlog = 1_000;
    pool.seconds(10);
    (pool.follows, pool.seen.in_service) = (false, 0);
    pool.second();
    pool.follows = true;
    pool.seconds(10);
    assert!(pool.log.is_empty(), "{:?}", pool.log);
    pool.second();
    assert_eq!(pool.desired(), 11);
}

#[test]
fn utilisation_as_a_metric_is_the_busy_share_of_the_workers_that_are_warm() {
    let fields = r#""metric": "utilisation", "threshold": 0.8, "period": "10s""#;
    let mut pool = pool(fields, r#"[{"from": 0, "by": 5}]"#);
    pool.busy = 0.75;
    pool.seconds(60);
    assert_eq!(pool.desired(), 10);
    pool.busy = 0.9;
    pool.seconds(20);
    assert_eq!(pool.desired(), 15, "{:?}", pool.log);
}
