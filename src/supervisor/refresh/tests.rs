//! Refreshes over a pool that does at once what it is told.

use super::*;
use crate::units::Span;

const SECOND: Duration = Duration::from_secs(1);

/// A pool in which a worker is pending for a step, then in service.
struct Pool {
    refresh: Refresh,
    now: Instant,
    desired: u32,
    older: u32,
    /// Seconds that each newer worker has been in service.
    newer: Vec<Option<u32>>,
    /// Newer workers fail as soon as they are in service.
    newer_fail: bool,
    failures: u32,
    /// Fewest workers in service and most ordered at any time.
    least: u32,
    most: u32,
}

fn settings() -> RefreshSettings {
    RefreshSettings { bake_time: Span(2 * SECOND), ..RefreshSettings::default() }
}

impl Pool {
    fn new(desired: u32, settings: RefreshSettings, can_roll_back: bool) -> Self {
        let now = Instant::now();
        Self {
            refresh: Refresh::new(1, settings, "a test".to_owned(), can_roll_back, now, 0),
            now,
            desired,
            older: desired,
            newer: Vec::new(),
            newer_fail: false,
            failures: 0,
            least: desired,
            most: desired,
        }
    }

    fn in_service(&self) -> u32 {
        self.older + u32::try_from(self.newer.iter().flatten().count()).unwrap()
    }

    fn step(&mut self) -> RefreshStatus {
        let proof = u32::try_from(self.refresh.proof().as_secs()).unwrap();
        let proven = self.newer.iter().flatten().filter(|served| **served >= proof).count();
        let seen = Seen {
            desired: self.desired,
            older: self.older,
            older_in_service: self.older,
            newer: u32::try_from(self.newer.len()).unwrap(),
            proven: u32::try_from(proven).unwrap(),
            failures: self.failures,
        };
        let before = self.refresh.status();
        let split = self.refresh.step(self.now, 0, &seen);
        if self.refresh.status() == RefreshStatus::RollbackInProgress && before != self.refresh.status() {
            let bad = u32::try_from(self.newer.len()).unwrap();
            self.newer = vec![Some(100); usize::try_from(self.older).unwrap()];
            (self.older, self.newer_fail, self.failures) = (bad, false, 0);
            return self.refresh.status();
        }
        self.older = self.older.min(split.older);
        for served in &mut self.newer {
            *served = Some(served.map_or(0, |served| served + 1));
        }
        if self.newer_fail {
            let failing = self.newer.iter().flatten().count();
            self.failures += u32::try_from(failing).unwrap();
            self.newer.iter_mut().for_each(|served| *served = None);
        }
        self.newer.resize(usize::try_from(split.newer).unwrap(), None);
        self.least = self.least.min(self.in_service());
        self.most = self.most.max(self.older + u32::try_from(self.newer.len()).unwrap());
        self.now += SECOND;
        self.refresh.status()
    }

    /// Steps until the status is as wished; answers how many steps that took.
    fn until(&mut self, wished: RefreshStatus) -> u32 {
        (1..10_000).find(|_| self.step() == wished).unwrap_or_else(|| panic!("{:?}", self.refresh))
    }
}

#[test]
fn never_fewer_workers_are_in_service_than_the_minimum_nor_more_ordered_than_the_maximum() {
    for desired in [0, 1, 2, 3, 10, 32] {
        for (min, max) in [(90, 100), (100, 100), (100, 110), (50, 100), (0, 100), (100, 200)] {
            let settings =
                RefreshSettings { min_healthy_percentage: min, max_healthy_percentage: max, ..settings() };
            let mut pool = Pool::new(desired, settings, true);
            pool.until(RefreshStatus::Successful);
            let least = share_up(desired, min);
            assert!(pool.least >= least, "{desired} workers, {min} %: {} in service", pool.least);
            let most = share_down(desired, max).max(desired).max(least + 1);
            assert!(pool.most <= most, "{desired} workers, {max} %: {} ordered", pool.most);
            assert_eq!((pool.older, pool.newer.len()), (0, usize::try_from(desired).unwrap()));
            assert_eq!(pool.refresh.report().percentage_complete, 100);
        }
    }
}

#[test]
fn it_pauses_at_each_checkpoint_with_its_share_replaced() {
    let settings = RefreshSettings {
        checkpoint_percentages: vec![20, 50],
        checkpoint_delay: Span(60 * SECOND),
        ..settings()
    };
    let mut pool = Pool::new(10, settings, true);
    let mut shares = Vec::new();
    while !matches!(pool.step(), RefreshStatus::Baking) {
        shares.push(pool.newer.len());
    }
    for (share, pause) in [(2, 60), (5, 60)] {
        let steps = shares.iter().filter(|newer| **newer == share).count();
        assert!(steps >= pause, "{share} newer workers for {steps} s: {shares:?}");
    }
}

#[test]
fn new_workers_that_fail_bring_the_former_ones_back_without_a_gap() {
    let mut pool = Pool::new(10, settings(), true);
    pool.newer_fail = true;
    pool.until(RefreshStatus::RollbackInProgress);
    pool.until(RefreshStatus::RollbackSuccessful);
    assert_eq!((pool.older, pool.newer.len()), (0, 10));
    assert!(pool.least >= 9, "{}", pool.least);
    let report = pool.refresh.report();
    let reason = report.status_reason.as_deref().unwrap();
    assert!(reason.contains("new workers failed before any work was done"), "{reason}");
    assert!(report.ended_at_ms.is_some());
}

#[test]
fn new_workers_that_fail_while_they_are_watched_bring_the_former_ones_back() {
    let mut pool = Pool::new(4, settings(), true);
    pool.until(RefreshStatus::Baking);
    pool.newer_fail = true;
    pool.until(RefreshStatus::RollbackInProgress);
    pool.older = 0;
    pool.until(RefreshStatus::RollbackSuccessful);
    assert_eq!(pool.newer.len(), 4);
}

#[test]
fn without_rollback_a_failed_refresh_stops_where_it_is() {
    let mut pool = Pool::new(10, RefreshSettings { auto_rollback: false, ..settings() }, true);
    pool.newer_fail = true;
    pool.until(RefreshStatus::Failed);
    let (older, newer) = (pool.older, pool.newer.len());
    assert!(older >= 8 && older + u32::try_from(newer).unwrap() <= 10, "{older} {newer}");
    pool.step();
    assert_eq!(pool.older, older);
    pool.refresh.roll_back("by hand".to_owned(), pool.now).unwrap();
    assert_eq!(pool.refresh.status(), RefreshStatus::RollbackInProgress);
}

#[test]
fn equal_workers_cannot_be_rolled_back_and_a_cancelled_refresh_keeps_what_it_has_done() {
    let mut pool = Pool::new(10, settings(), false);
    pool.step();
    pool.step();
    assert!(
        pool.refresh.roll_back("by hand".to_owned(), pool.now).unwrap_err().contains("nothing to go back")
    );
    assert!(pool.refresh.cancel("by hand", 7));
    assert!(!pool.refresh.cancel("again", 8));
    let older = pool.older;
    pool.desired = 20;
    assert_eq!(pool.step(), RefreshStatus::Cancelled);
    assert_eq!((pool.older, pool.newer.len()), (older, usize::try_from(20 - older).unwrap()));
}

#[test]
fn a_cancelled_refresh_between_two_stages_says_so_and_the_older_workers_that_leave_do_not_come_back() {
    let mut pool = Pool::new(10, RefreshSettings { min_healthy_percentage: 50, ..settings() }, true);
    pool.until(RefreshStatus::InProgress);
    while pool.newer.len() < 5 {
        pool.step();
    }
    assert!(pool.refresh.cancel_by_hand(7));
    let reason = pool.refresh.report().status_reason.clone().unwrap();
    assert!(reason.contains("5 workers of the former stage stay beside 5 of the new one"), "{reason}");
    for (desired, older) in [(10, 5), (10, 5), (12, 5), (7, 2), (12, 2), (3, 0), (10, 0)] {
        pool.desired = desired;
        assert_eq!(pool.step(), RefreshStatus::Cancelled);
        let newer = usize::try_from(desired - older).unwrap();
        assert_eq!((pool.older, pool.newer.len()), (older, newer), "{desired} are desired");
        assert_eq!(pool.refresh.keeps_former(), older > 0);
    }
}

#[test]
fn after_a_failure_it_is_the_new_workers_that_leave_first() {
    let mut pool = Pool::new(10, RefreshSettings { auto_rollback: false, ..settings() }, true);
    pool.newer_fail = true;
    pool.until(RefreshStatus::Failed);
    let older = pool.older;
    let reason = pool.refresh.report().status_reason.clone().unwrap();
    assert!(reason.contains(&format!("{older} workers of the former stage stay beside")), "{reason}");
    for desired in [older, 2, 10] {
        pool.desired = desired;
        pool.step();
        let newer = usize::try_from(desired.saturating_sub(older)).unwrap();
        assert_eq!(pool.newer.len(), newer, "{desired} are desired");
        assert!(pool.refresh.keeps_former(), "it can be rolled back");
    }
}

#[test]
fn a_pool_that_is_scaled_meanwhile_grows_in_new_workers_and_shrinks_in_old_ones() {
    for (from, to) in [(10, 20), (20, 4), (10, 0)] {
        let mut pool = Pool::new(from, settings(), true);
        pool.step();
        pool.step();
        let older = pool.older;
        pool.desired = to;
        pool.step();
        assert!(pool.older <= older.min(to.max(1)), "{from} to {to}: {} older", pool.older);
        pool.until(RefreshStatus::Successful);
        assert_eq!((pool.older, pool.newer.len()), (0, usize::try_from(to).unwrap()));
    }
}

#[test]
fn what_gets_nowhere_has_failed() {
    let mut pool = Pool::new(3, RefreshSettings { warm_up: Span(9_999 * SECOND), ..settings() }, true);
    let steps = pool.until(RefreshStatus::RollbackInProgress);
    assert!((3600..3700).contains(&steps), "{steps}");
    assert!(pool.refresh.report().status_reason.as_deref().unwrap().contains("nothing has come forward"));
}
