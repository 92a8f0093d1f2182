use super::*;

fn seen(pending: u32, in_service: u32, draining: u32) -> Observation {
    Observation { pending, in_service, draining, ..Observation::default() }
}

fn statuses(activities: &Activities) -> Vec<(u32, ActivityStatus)> {
    activities.iter().map(|one| (one.to, one.status)).collect()
}

#[test]
fn an_order_is_in_progress_until_its_workers_are_there_or_gone() {
    let mut activities = Activities::default();
    activities.scaled(1, 1, 4, "more".to_owned(), Cause::Policy);
    activities.settle(2, &seen(2, 2, 0));
    assert_eq!(statuses(&activities), [(4, ActivityStatus::InProgress)]);
    activities.settle(3, &seen(0, 4, 0));
    assert_eq!(activities.iter().next().unwrap().ended_at_ms, Some(3));
    activities.scaled(4, 4, 1, "fewer".to_owned(), Cause::Manual);
    activities.settle(5, &seen(0, 1, 3));
    assert_eq!(activities.iter().last().unwrap().status, ActivityStatus::InProgress);
    activities.settle(6, &seen(0, 1, 0));
    assert_eq!(statuses(&activities), [(4, ActivityStatus::Successful), (1, ActivityStatus::Successful)]);
}

#[test]
fn another_order_ends_the_one_in_progress_and_what_is_only_told_never_is() {
    let mut activities = Activities::default();
    activities.scaled(1, 1, 8, "more".to_owned(), Cause::Policy);
    activities.scaled(2, 8, 3, "fewer".to_owned(), Cause::Policy);
    activities.scaled(3, 3, 9, "would".to_owned(), Cause::ObserveOnly);
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
        activities.scaled(at_ms, 1, 2, "because".to_owned(), Cause::Policy);
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
    activities.scaled(2, 8, 9, "more".to_owned(), Cause::Policy);
    activities.settle(3, &seen(0, 9, 0));
    activities.refreshed(4, ActivityStatus::Failed, "nothing came forward");
    let all: Vec<_> = activities.iter().map(|one| (one.status, one.because.as_str())).collect();
    assert_eq!(all[0], (ActivityStatus::Failed, "refresh 1: asked for; nothing came forward"));
    assert_eq!(all[1].0, ActivityStatus::Successful);
}
