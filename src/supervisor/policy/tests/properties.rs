//! What holds for any pool and any observations.

use crate::{
    pipeline::{Capacity, Observation, Scale, ScaleMode},
    supervisor::policy::{Autoscaler, Memory, Moment, Verdict, trial},
};
use proptest::{prelude::*, test_runner::RngSeed};
use serde_json::{Value, json};
use std::time::Duration;

/// Something that happens to a pool.
#[derive(Debug, Clone)]
enum Event {
    /// So many seconds and tenths pass, and this is seen.
    Seen(u32, Observed),
    SetDesired(u32),
    Suspend,
    Resume,
}

#[derive(Debug, Clone)]
struct Observed {
    backlog: u64,
    in_flight: u64,
    age: u64,
    arrives: u64,
    processes: u64,
    busy: f64,
    /// Of those desired, how many are in service, in percent.
    serves: u32,
    draining: u32,
    limit: Option<u32>,
    /// Counters begin anew.
    is_reset: bool,
}

fn observed() -> impl Strategy<Value = Observed> {
    let work = (prop_oneof![Just(0), 0..50_u64, 0..100_000_u64], 0..64_u64, 0..100_u64);
    let rates = (0..2_000_u64, 0..2_000_u64, 0.0..1.2_f64);
    let fleet = (prop_oneof![Just(100_u32), 0..150_u32], 0..3_u32, prop::option::weighted(0.3, 0..30_u32));
    (work, rates, fleet, prop::bool::weighted(0.02)).prop_map(
        |((backlog, in_flight, age), (arrives, processes, busy), (serves, draining, limit), is_reset)| {
            Observed { backlog, in_flight, age, arrives, processes, busy, serves, draining, limit, is_reset }
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    // Mostly seconds; now and then minutes or hours pass at once.
    let time = prop_oneof![30 => Just(10_u32), 5 => 1..30_u32, 1 => 600..30_000_u32];
    prop_oneof![
        60 => (time, observed()).prop_map(|(time, seen)| Event::Seen(time, seen)),
        1 => (0..40_u32).prop_map(Event::SetDesired),
        1 => Just(Event::Suspend),
        1 => Just(Event::Resume),
    ]
}

fn steps() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!([{"from": 0, "by": 2}])),
        Just(json!([{"to": 0, "by": -3}])),
        Just(json!([{"from": 0, "to": 100, "by": 10}, {"from": 100, "by": 60}, {"to": 0, "by": -20}])),
    ]
}

fn policy() -> impl Strategy<Value = Value> {
    let seconds = |range: std::ops::Range<u32>| range.prop_map(|seconds| format!("{seconds}s"));
    let tracking = (1..500_u32, any::<bool>(), seconds(0..120)).prop_map(|(target, out_only, after)| {
        json!({"target_tracking": {"target": target, "disable_scale_in": out_only, "scale_in_after": after}})
    });
    let metric = prop::sample::select(vec!["backlog", "backlog_per_worker", "age", "utilisation"]);
    let kind = prop::sample::select(vec!["change", "percent"]);
    let step = (metric, kind, seconds(1..90), steps()).prop_map(|(metric, adjustment, period, steps)| {
        json!({"step": {"metric": metric, "threshold": 20, "adjustment": adjustment, "period": period,
            "steps": steps}})
    });
    let busy = (0.1..1.0_f64, prop::option::of(1..64_u32), seconds(0..90)).prop_map(|(target, each, after)| {
        json!({"utilisation": {"target": target, "outstanding": each, "scale_in_after": after}})
    });
    let minutes =
        (0..60_u32, 0..24_u32).prop_map(|(minute, every)| format!("{minute} */{} * * *", every + 1));
    let scheduled = (minutes, 0..20_u32, 0..20_u32, any::<bool>()).prop_map(|(cron, min, more, desires)| {
        let desired = desires.then_some(min + more / 2);
        json!({"scheduled": {"cron": cron, "time_zone": "Europe/Madrid", "min": min, "max": min + more + 1,
            "desired": desired}})
    });
    let predictive = any::<bool>().prop_map(|forecast_only| {
        json!({"predictive": {"period": "2m", "ahead": "20s", "forecast_only": forecast_only}})
    });
    let age = seconds(1..60).prop_map(|age| json!({"goal_age": age}));
    prop_oneof![3 => tracking, 3 => step, 3 => busy, 2 => scheduled, 1 => predictive, 1 => age]
}

fn scale_of(policies: impl Strategy<Value = Value>) -> impl Strategy<Value = Scale> {
    let times = (0..60_u32, 0..60_u32);
    (0..8_u32, 1..30_u32, times, prop::collection::vec(policies, 0..4)).prop_map(
        |(min, more, (warm_up, cooldown), policies)| {
            let text = json!({"min": min, "max": min + more, "warm_up": format!("{warm_up}s"),
                "cooldown": format!("{cooldown}s"), "policies": policies});
            serde_json::from_value(text).unwrap()
        },
    )
}

fn scale() -> impl Strategy<Value = Scale> {
    scale_of(policy())
}

/// Policies whose decisions follow from what is seen now and from patience, and not from learned rates.
fn exact() -> impl Strategy<Value = Scale> {
    let is_exact = |policy: &Value| {
        policy["goal_age"].is_null()
            && policy["predictive"].is_null()
            && policy["step"]["metric"] != "utilisation"
            && (policy["utilisation"].is_null() || !policy["utilisation"]["outstanding"].is_null())
    };
    let with_one = |scale: &Scale| scale.policies.iter().any(|policy| policy.scheduled.is_none());
    let exact = scale_of(policy().prop_filter("by learned rates", is_exact));
    // Without a policy of its own a pool has `goal_age`. What warms up begins anew with the process.
    exact.prop_filter("none but schedules", with_one).prop_map(|scale| {
        let no_time = crate::units::Span(Duration::ZERO);
        Scale { warm_up: no_time, ..scale }
    })
}

/// A pool under observation: what is seen follows what is ordered.
#[derive(Debug, Clone)]
struct Pool {
    now: Moment,
    seen: Observation,
}

impl Pool {
    fn new() -> Self {
        Self { now: trial::moment(), seen: Observation::default() }
    }

    fn pass(&mut self, tenths: u32, desired: u32, seen: &Observed) {
        let passed = Duration::from_millis(u64::from(tenths) * 100);
        self.now = super::later(self.now, passed);
        let before = &mut self.seen;
        if seen.is_reset {
            (before.arrived, before.processed, before.busy_seconds) = (0, 0, 0.0);
        }
        before.in_service = desired * seen.serves / 100;
        before.pending = desired.saturating_sub(before.in_service);
        before.draining = seen.draining;
        before.arrived += seen.arrives * u64::from(tenths) / 10;
        before.processed += seen.processes * u64::from(tenths) / 10;
        before.busy_seconds += seen.busy * f64::from(before.in_service) * passed.as_secs_f64();
        (before.backlog, before.in_flight, before.limit) = (seen.backlog, seen.in_flight, seen.limit);
        before.oldest_age = (seen.backlog > 0).then(|| Duration::from_secs(seen.age));
    }
}

fn config(seed: u64) -> ProptestConfig {
    ProptestConfig {
        cases: 96,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    }
}

fn events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 1..most)
}

proptest! {
    #![proptest_config(config(20_261_122))]

    #[test]
    fn the_capacity_stays_within_the_bounds_in_force_and_never_grows_beyond_what_the_source_can_use(
        scale in scale(), events in events(300),
    ) {
        let (mut pool, mut scaler) = (Pool::new(), Autoscaler::new(&scale));
        for event in &events {
            match event {
                Event::SetDesired(to) => drop(scaler.set_desired(pool.now, Capacity(*to), "by hand")),
                Event::Suspend => scaler.suspend(),
                Event::Resume => scaler.resume(pool.now),
                Event::Seen(tenths, seen) => {
                    let from = scaler.desired().0;
                    pool.pass(*tenths, from, seen);
                    let verdict = scaler.decide(pool.now, &pool.seen);
                    let (to, (min, max)) = (scaler.desired().0, scaler.bounds());
                    match &verdict {
                        Verdict::Scale(decision) => {
                            prop_assert!(decision.to == Capacity(to) && to != from);
                            prop_assert!(!decision.because.is_empty(), "{:?}", decision);
                        }
                        _ => prop_assert_eq!(to, from),
                    }
                    if !scaler.is_suspended() {
                        prop_assert!((min..=max).contains(&to), "{} not in {} to {}", to, min, max);
                    }
                    let by_schedule = matches!(&verdict, Verdict::Scale(decision) if decision.by == "scheduled");
                    if let Some(limit) = seen.limit.filter(|_| to > from && !by_schedule) {
                        prop_assert!(to <= limit.max(1).max(min), "{} beyond the source's {}", to, limit);
                    }
                }
            }
        }
    }

    #[test]
    fn a_suspended_pool_and_one_that_only_observes_stay_as_they_are(
        scale in scale(), events in events(200), observes in any::<bool>(),
    ) {
        let mode = if observes { ScaleMode::Observe } else { ScaleMode::Act };
        let (mut pool, mut scaler) = (Pool::new(), Autoscaler::new(&Scale { mode, ..scale }));
        if !observes {
            scaler.suspend();
        }
        let capacity = scaler.desired();
        for event in &events {
            if let Event::Seen(tenths, seen) = event {
                pool.pass(*tenths, capacity.0, seen);
                let verdict = scaler.decide(pool.now, &pool.seen);
                prop_assert!(!matches!(verdict, Verdict::Scale(_)));
                prop_assert!(observes || verdict == Verdict::Hold);
                prop_assert_eq!(scaler.desired(), capacity);
            }
        }
    }

    #[test]
    fn the_same_observations_lead_to_the_same_decisions(scale in scale(), events in events(200)) {
        let mut pool = Pool::new();
        let (mut one, mut other) = (Autoscaler::new(&scale), Autoscaler::new(&scale));
        for event in &events {
            if let Event::Seen(tenths, seen) = event {
                pool.pass(*tenths, one.desired().0, seen);
                prop_assert_eq!(one.decide(pool.now, &pool.seen), other.decide(pool.now, &pool.seen));
            }
        }
    }

    #[test]
    fn between_its_bounds_a_pool_shrinks_only_after_its_cooldown(scale in scale(), events in events(200)) {
        let (mut pool, mut scaler) = (Pool::new(), Autoscaler::new(&scale));
        let mut changed_at = None;
        for event in &events {
            if let Event::Seen(tenths, seen) = event {
                let from = scaler.desired().0;
                pool.pass(*tenths, from, seen);
                let verdict = scaler.decide(pool.now, &pool.seen);
                let Verdict::Scale(decision) = verdict else { continue };
                let since = changed_at.replace(pool.now.instant).map(|at| pool.now.instant - at);
                let is_forced = decision.by == "scheduled" || from > scaler.bounds().1;
                if decision.to.0 < from && !is_forced {
                    prop_assert!(since.is_none_or(|since| since >= scale.cooldown.0), "{:?}", decision);
                }
            }
        }
    }

    #[test]
    fn a_restarted_pool_goes_on_with_the_same_decisions(
        scale in exact(), before in events(100), after in events(100),
    ) {
        let (mut pool, mut one) = (Pool::new(), Autoscaler::new(&scale));
        for event in &before {
            if let Event::Seen(tenths, seen) = event {
                pool.pass(*tenths, one.desired().0, &Observed { busy: 0.0, ..seen.clone() });
                one.decide(pool.now, &pool.seen);
            }
        }
        let text = serde_json::to_string(&one.remember(pool.now)).unwrap();
        let memory: Memory = serde_json::from_str(&text).unwrap();
        let mut other = Autoscaler::new(&scale);
        other.recall(pool.now, &memory);
        prop_assert_eq!(one.desired(), other.desired());
        for event in &after {
            if let Event::Seen(tenths, seen) = event {
                // What is busy is seen a second later; the source's patience begins anew.
                let seen = Observed { busy: 0.0, limit: None, ..seen.clone() };
                pool.pass(*tenths, one.desired().0, &seen);
                prop_assert_eq!(one.decide(pool.now, &pool.seen), other.decide(pool.now, &pool.seen));
            }
        }
    }
}
