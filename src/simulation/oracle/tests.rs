//! The oracle's plan is a bound that nothing undercuts, and one that can nearly be reached.

use super::{
    Oracle,
    taut_string::{Point, taut_string},
};
use crate::{
    pipeline::Observation,
    simulation::{
        Ordered, PoolModel, Prompt, Sizing,
        run::play,
        traces::{NAMES, Trace, named, random},
    },
    supervisor::Moment,
};
use std::time::Duration;

fn trace(arrivals: &[u64]) -> Trace {
    let expected = arrivals.iter().map(|count| *count as f64).collect();
    Trace { name: "small".to_owned(), expected, arrivals: arrivals.to_vec(), sink_limit: None }
}

/// Orders that are laid down for each second.
struct Plan<'a> {
    orders: &'a [u32],
    second: usize,
}

impl Sizing for Plan<'_> {
    fn name(&self) -> &str {
        "plan"
    }

    fn desired(&mut self, _now: Moment, _current: Ordered, _seen: &Observation) -> u32 {
        self.second += 1;
        self.orders[self.second.min(self.orders.len() - 1)]
    }
}

/// Cost and greatest age of a plan in the world.
fn played(orders: &[u32], trace: &Trace, model: &PoolModel) -> (f64, f64) {
    let run = play(&mut Plan { orders, second: 0 }, trace, model, None);
    (run.worker_seconds, run.samples.iter().map(|sample| sample.oldest_age).fold(0.0, f64::max))
}

/// Numbers without end from a seed, 0 up to 1.
fn chances(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn height(corners: &[Point], at: f64) -> f64 {
    let pair = corners.windows(2).find(|pair| pair[0].0 <= at && at <= pair[1].0).unwrap();
    pair[0].1 + (pair[1].1 - pair[0].1) * (at - pair[0].0) / (pair[1].0 - pair[0].0)
}

#[test]
fn the_string_is_straight_where_the_tube_lets_it_be() {
    let lower = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 3.0)];
    let upper = [(0.0, 0.0), (1.0, 2.0), (2.0, 3.0), (3.0, 3.0)];
    assert_eq!(taut_string(&lower, &upper), [(0.0, 0.0), (3.0, 3.0)]);
    let late = [(0.0, 0.0), (1.0, 0.5), (2.0, 0.5), (3.0, 3.0)];
    assert_eq!(taut_string(&lower, &late), [(0.0, 0.0), (2.0, 0.5), (3.0, 3.0)]);
    let early = [(0.0, 0.0), (1.0, 2.0), (2.0, 2.5), (3.0, 3.0)];
    assert_eq!(taut_string(&early, &upper), [(0.0, 0.0), (1.0, 2.0), (3.0, 3.0)]);
}

#[test]
fn no_path_through_the_tube_is_calmer_than_the_string() {
    for seed in 0..200 {
        let mut chance = chances(seed + 1);
        let (mut low, mut high): (Vec<Point>, Vec<Point>) = (vec![(0.0, 0.0)], vec![(0.0, 0.0)]);
        let mut path = vec![0.0];
        let mut at = 0.0;
        for step in 1..=40 {
            at += 4.0 * chance();
            path.push(at);
            low.push((f64::from(step), at - 6.0 * chance()));
            high.push((f64::from(step), at + 6.0 * chance()));
        }
        (low[40], high[40]) = ((40.0, at), (40.0, at));
        let corners = taut_string(&low, &high);
        let string: Vec<f64> = (0..=40).map(|step| height(&corners, f64::from(step))).collect();
        for (step, value) in string.iter().enumerate() {
            assert!(low[step].1 <= value + 1e-9 && *value <= high[step].1 + 1e-9, "seed {seed}, step {step}");
        }
        let slopes = |path: &[f64]| path.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<f64>>();
        let squares = |path: &[f64]| slopes(path).iter().map(|slope| slope * slope).sum::<f64>();
        let above = |path: &[f64]| slopes(path).iter().map(|slope| slope.max(2.0)).sum::<f64>();
        let turns = |path: &[f64]| slopes(path).windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum::<f64>();
        for measure in [&squares as &dyn Fn(&[f64]) -> f64, &above, &turns] {
            assert!(measure(&string) <= measure(&path) + 1e-9, "seed {seed}");
        }
    }
}

/// Every plan there is for a small pool: none that keeps the goal costs less than the oracle's.
#[test]
fn no_plan_of_a_small_pool_is_cheaper_at_the_same_age() {
    let model = PoolModel {
        service: Duration::from_millis(500),
        start: Duration::from_secs(1),
        min: 1,
        max: 3,
        goal: Duration::from_secs(2),
        ..PoolModel::default()
    };
    let traces: [&[u64]; 4] = [
        &[1, 1, 6, 6, 1, 1, 1, 5, 0, 0],
        &[2, 2, 4, 4, 2, 2, 2, 2, 2, 1],
        &[0, 0, 0, 8, 0, 0, 0, 8, 0, 0],
        &[1; 10],
    ];
    for arrivals in traces {
        let trace = trace(arrivals);
        let oracle = Oracle::new(&trace, &model);
        let goal = model.goal.as_secs_f64().max(oracle.least_ages.iter().copied().fold(0.0, f64::max));
        let mut cheapest = f64::INFINITY;
        for number in 0..3_u32.pow(10) {
            let orders: Vec<u32> = (0..10).map(|second| 1 + number / 3_u32.pow(second) % 3).collect();
            let (cost, age) = played(&orders, &trace, &model);
            if age <= goal + 0.05 {
                cheapest = cheapest.min(cost);
            }
        }
        assert!(cheapest >= oracle.cost - 1e-6, "{arrivals:?}: {cheapest} below {}", oracle.cost);
        assert!(cheapest <= oracle.cost * 1.25, "{arrivals:?}: {cheapest} far above {}", oracle.cost);
    }
}

/// The plan made whole, ordered as long before as workers take to start, keeps the goal in the world.
#[test]
fn the_plan_of_a_named_trace_can_be_followed_and_keeps_the_goal() {
    for name in NAMES.into_iter().filter(|name| !matches!(*name, "diurnal" | "capped-sink" | "batch30k")) {
        let model = PoolModel::default();
        let trace = named(name, &model, 0).unwrap();
        let oracle = Oracle::new(&trace, &model);
        let whole: Vec<u32> = oracle.workers.iter().map(|workers| (workers - 1e-6).ceil() as u32).collect();
        // An order counts from its own second on or, where there are to be more, five seconds before.
        let orders: Vec<u32> =
            (0..whole.len()).map(|second| *whole[second..].iter().take(7).max().unwrap()).collect();
        let (cost, age) = played(&orders, &trace, &model);
        let planned = oracle.ages.iter().copied().fold(0.0, f64::max);
        assert!(planned <= 10.25, "{name}: planned {planned:.1} s");
        assert!(age <= 10.5, "{name}: {age:.1} s");
        assert!(cost >= oracle.cost && cost <= oracle.cost * 1.2, "{name}: {cost:.0} and {:.0}", oracle.cost);
    }
}

#[test]
fn nobody_who_keeps_the_goal_is_cheaper_than_the_oracle() {
    let model = PoolModel::default();
    for seed in 0..40 {
        let trace = random(&model, seed);
        let oracle = Oracle::new(&trace, &model);
        let run = play(&mut Prompt::new(&trace, &model), &trace, &model, None);
        assert!(run.worker_seconds > oracle.cost, "seed {seed}: {} {}", run.worker_seconds, oracle.cost);
        for (second, (sample, least)) in run.samples.iter().zip(&oracle.least_ages).enumerate() {
            let age = sample.oldest_age;
            assert!(age + 0.15 >= *least, "seed {seed}, second {second}: {age} below the least, {least}");
        }
    }
}

#[test]
fn where_nobody_could_keep_the_goal_the_plan_is_as_early_as_can_be() {
    let model = PoolModel::default();
    let trace = named("batch30k", &model, 0).unwrap();
    let oracle = Oracle::new(&trace, &model);
    let greatest = |ages: &[f64]| ages.iter().copied().fold(0.0, f64::max);
    assert!((14.0..15.0).contains(&greatest(&oracle.least_ages)), "{}", greatest(&oracle.least_ages));
    assert!((greatest(&oracle.ages) - greatest(&oracle.least_ages)).abs() < 0.2);
    let at_work = oracle.workers.iter().filter(|workers| **workers > 190.0).count();
    assert!((14..=16).contains(&at_work), "{at_work} seconds with all workers");
}

#[test]
fn a_gap_shorter_than_a_start_is_idled_through() {
    let model = PoolModel { goal: Duration::from_secs(1), ..PoolModel::default() };
    let with_gap = |gap: usize| {
        let mut arrivals = vec![10; 30];
        arrivals.extend(vec![100; 20]);
        arrivals.extend(vec![10; gap]);
        arrivals.extend(vec![100; 20]);
        arrivals.extend(vec![10; 30]);
        let oracle = Oracle::new(&trace(&arrivals), &model);
        oracle.workers[50..50 + gap].iter().copied().fold(f64::INFINITY, f64::min)
    };
    assert!(with_gap(3) > 8.0, "{}", with_gap(3));
    assert!(with_gap(12) < 2.0, "{}", with_gap(12));
}

#[test]
fn a_sink_that_takes_less_needs_no_more_than_it_takes() {
    let model = PoolModel { sink_limit: Some(200.0), ..PoolModel::default() };
    let trace = named("capped-sink", &PoolModel::default(), 0).unwrap();
    let oracle = Oracle::new(&trace, &model);
    let most = oracle.workers.iter().copied().fold(0.0, f64::max);
    assert!((19.9..20.1).contains(&most), "{most}");
}
