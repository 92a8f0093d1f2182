use super::*;

fn seen(pending: u32, in_service: u32, draining: u32) -> Observation {
    Observation { pending, in_service, draining, ..Observation::default() }
}

fn order(to: u32, because: &str) -> Decision {
    Decision { to: crate::pipeline::Capacity(to), because: because.to_owned(), by: "goal_age" }
}

fn statuses(activities: &Activities) -> Vec<(u32, ActivityStatus)> {
    activities.iter().map(|one| (one.to, one.status)).collect()
}

#[test]
fn an_order_is_in_progress_until_its_workers_are_there_or_gone() {
    let mut activities = Activities::default();
    activities.scaled(1, 1, order(4, "more"), Cause::Policy);
    activities.settle(2, &seen(2, 2, 0));
    assert_eq!(statuses(&activities), [(4, ActivityStatus::InProgress)]);
    activities.settle(3, &seen(0, 4, 0));
    assert_eq!(activities.iter().next().unwrap().ended_at_ms, Some(3));
    activities.scaled(4, 4, order(1, "fewer"), Cause::Manual);
    activities.settle(5, &seen(0, 1, 3));
    assert_eq!(activities.iter().last().unwrap().status, ActivityStatus::InProgress);
    activities.settle(6, &seen(0, 1, 0));
    assert_eq!(statuses(&activities), [(4, ActivityStatus::Successful), (1, ActivityStatus::Successful)]);
}

#[test]
fn another_order_ends_the_one_in_progress_and_what_is_only_told_never_is() {
    let mut activities = Activities::default();
    activities.scaled(1, 1, order(8, "more"), Cause::Policy);
    activities.scaled(2, 8, order(3, "fewer"), Cause::Policy);
    activities.scaled(3, 3, order(9, "would"), Cause::ObserveOnly);
    let all = statuses(&activities);
    assert_eq!(
        all,
        [(8, ActivityStatus::Cancelled), (3, ActivityStatus::InProgress), (9, ActivityStatus::Observed)]
    );
}

#[test]
fn replacements_of_one_minute_are_one_activity() {
    let mut activities = Activities::default();
    activities.replaced(0, 8, 1, "worker-3: panicked");
    assert_eq!(
        activities.iter().next().unwrap().because,
        "1 worker failed and was replaced; the latest: worker-3: panicked"
    );
    for at_ms in 1..=50 {
        activities.replaced(at_ms * 1_000, 8, 20, "worker-1: lost");
    }
    let one = activities.iter().next().unwrap();
    assert_eq!((activities.len(), one.replaced, one.at_ms, one.ended_at_ms), (1, 1_001, 0, Some(50_000)));
    activities.replaced(60_000, 8, 1, "worker-2: lost");
    assert_eq!(activities.len(), 2);
}

#[test]
fn the_history_is_bounded_and_survives_as_text() {
    let mut activities = Activities::default();
    for at_ms in 0..250 {
        activities.scaled(at_ms, 1, order(2, "because"), Cause::Policy);
    }
    assert_eq!((activities.len(), activities.iter().next().unwrap().at_ms), (100, 150));
    let text = serde_json::to_string(&activities).unwrap();
    let read: Activities = serde_json::from_str(&text).unwrap();
    assert_eq!(read, activities);
    let recalled = read.recalled();
    assert!(recalled.iter().all(|one| one.status == ActivityStatus::Cancelled));
}

#[test]
fn a_refresh_is_one_activity_from_its_beginning_to_its_end() {
    let mut activities = Activities::default();
    let begun = ActivityStatus::InProgress;
    activities.happened(1, 8, "refresh 1: asked for".to_owned(), Cause::Refresh, begun);
    activities.scaled(2, 8, order(9, "more"), Cause::Policy);
    activities.settle(3, &seen(0, 9, 0));
    activities.refreshed(4, ActivityStatus::Failed, "nothing came forward");
    let all: Vec<_> = activities.iter().map(|one| (one.status, one.because.as_str())).collect();
    assert_eq!(all[0], (ActivityStatus::Failed, "refresh 1: asked for; nothing came forward"));
    assert_eq!(all[1].0, ActivityStatus::Successful);
}

#[test]
fn an_activity_names_the_policy_that_decided_and_none_where_none_was_asked() {
    let mut activities = Activities::default();
    activities.scaled(1, 1, order(4, "more"), Cause::Policy);
    activities.scaled(
        2,
        4,
        Decision { by: Decision::SCHEDULE, ..order(6, "eight o'clock") },
        Cause::Schedule,
    );
    activities.scaled(3, 6, order(9, "would"), Cause::ObserveOnly);
    activities.scaled(4, 6, Decision { by: Decision::HAND, ..order(2, "by hand") }, Cause::Manual);
    activities.happened(5, 2, "refresh 1".to_owned(), Cause::Refresh, ActivityStatus::InProgress);
    let named: Vec<_> = activities.iter().map(|one| one.policy.as_deref()).collect();
    assert_eq!(named, [Some("goal_age"), Some("scheduled"), Some("goal_age"), None, None]);
    let text = serde_json::to_string(&activities).unwrap();
    assert_eq!(text.matches("\"policy\":").count(), 3, "{text}");
    let older = r#"[{"at_ms":1,"ended_at_ms":2,"from":1,"to":4,"because":"b","status":"Successful","cause":"policy"}]"#;
    assert_eq!(serde_json::from_str::<Activities>(older).unwrap().iter().next().unwrap().policy, None);
}

#[test]
fn what_a_schedule_ordered_ends_like_any_order() {
    let mut activities = Activities::default();
    activities.scaled(1, 1, Decision { by: Decision::SCHEDULE, ..order(4, "eight") }, Cause::Schedule);
    activities.settle(2, &seen(0, 4, 0));
    assert_eq!(statuses(&activities), [(4, ActivityStatus::Successful)]);
}
