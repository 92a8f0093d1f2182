use crate::supervisor::policy::{Autoscaler, trial::Trial};

/// A pattern of ten minutes: quiet, and from the sixth minute on a load that needs 13 workers.
fn period(trial: &mut Trial) {
    trial.seconds(300, 4.0);
    trial.seconds(300, 100.0);
}

fn pool(fields: &str) -> Trial {
    let text = format!(
        r#"{{"min": 1, "max": 100, "policies": [
            {{"goal_age": "10s"}},
            {{"predictive": {{"period": "10m", "ahead": "30s"{fields}}}}}]}}"#
    );
    Trial::new(&super::scale(&text))
}

/// Workers ordered so many seconds into the next period, and the trial there.
fn into(trial: &mut Trial, seconds: u32) -> u32 {
    trial.seconds(seconds, 4.0);
    trial.desired()
}

#[test]
fn workers_are_ordered_before_the_load_that_earlier_periods_had() {
    let mut trial = pool("");
    period(&mut trial);
    period(&mut trial);
    assert!(into(&mut trial, 240) < 3, "{:?}", trial.log);
    assert_eq!(into(&mut trial, 40), 13, "{:?}", trial.log);
    let (.., because) = trial.log.last().unwrap().clone();
    assert_eq!(because, "forecast of 100/s for 00:25 UTC at 10/s per worker needs 13");
    trial.seconds(20, 4.0);
    trial.oldest = 0.0;
    trial.seconds(300, 100.0);
    assert!(trial.oldest < 1.0, "nothing waited for workers: {:.1} s", trial.oldest);
}

#[test]
fn before_a_whole_period_is_known_it_takes_no_part() {
    let mut trial = pool("");
    trial.seconds(60, 100.0);
    assert!(trial.desired() >= 10, "{:?}", trial.log);
    trial.seconds(240, 0.0);
    assert_eq!(trial.desired(), 1, "the other policy scales in: {:?}", trial.log);
}

#[test]
fn forecast_only_acts_never_and_tells_what_it_forecasts() {
    let mut trial = pool(r#", "forecast_only": true"#);
    period(&mut trial);
    period(&mut trial);
    assert!(into(&mut trial, 290) < 3, "{:?}", trial.log);
    assert!(trial.log.iter().all(|(.., because)| !because.contains("forecast")), "{:?}", trial.log);
    let (to, because) = trial.foretold.last().unwrap();
    assert_eq!((*to, because.as_str()), (12, "forecast of 90/s for 00:25 UTC at 10/s per worker needs 12"));
    assert!(trial.foretold.len() < 30, "it does not say so every second: {:?}", trial.foretold);
    assert!(trial.scaler.learned().forecast.is_some_and(|workers| (12.0..13.0).contains(&workers)));
}

#[test]
fn what_was_learned_of_earlier_periods_outlives_a_restart_however_long_it_took() {
    let mut trial = pool("");
    period(&mut trial);
    period(&mut trial);
    let memory = trial.scaler.remember(trial.now);
    let text = serde_json::to_string(&memory).unwrap();
    let scale = super::scale(
        r#"{"min": 1, "max": 100, "policies": [{"predictive": {"period": "10m", "ahead": "30s"}}]}"#,
    );
    let mut next = Trial::new(&scale);
    next.now.wall += std::time::Duration::from_secs(3_600);
    next.scaler = Autoscaler::new(&scale);
    next.scaler.recall(next.now, &serde_json::from_str(&text).unwrap());
    assert_eq!(next.desired(), 1, "what was ordered an hour ago says nothing");
    assert!(into(&mut next, 240) < 3, "{:?}", next.log);
    assert_eq!(into(&mut next, 40), 13, "{:?}", next.log);
}

#[test]
fn a_forecast_that_was_far_off_is_not_followed() {
    let mut trial = pool("");
    period(&mut trial);
    // Now the load comes at other times: every part of the forecast is wrong.
    for minute in 0..60 {
        trial.seconds(60, if minute % 3 == 0 { 200.0 } else { 2.0 });
    }
    let forecasts =
        |trial: &Trial| trial.log.iter().filter(|(.., because)| because.contains("forecast")).count();
    let before = forecasts(&trial);
    for minute in 0..20 {
        trial.seconds(60, if minute % 7 == 0 { 200.0 } else { 2.0 });
    }
    assert_eq!(forecasts(&trial), before, "{:?}", trial.log);
}
