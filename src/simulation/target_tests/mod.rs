//! What the daemon's autoscaler promises: its targets on every trace, and no better rival.

mod promises;

use super::{
    OwnSizing, PoolModel, RIVALS, Rehearsal, Score, on_all_cores,
    targets::{Measure, Target, targets},
    traces::{named, random},
    versus::{Verdict, compare},
};
use std::time::Duration;

fn own(rehearsal: &Rehearsal) -> Score {
    rehearsal.run(&|| Box::new(OwnSizing::of(rehearsal.model()))).score
}

#[test]
fn two_runs_of_the_same_give_the_same_numbers() {
    let rehearsal = || Rehearsal::new(random(&PoolModel::default(), 4), PoolModel::default());
    let (one, other) = (rehearsal(), rehearsal());
    let played = |rehearsal: &Rehearsal| rehearsal.run(&|| Box::new(OwnSizing::of(rehearsal.model())));
    assert_eq!(played(&one), played(&other));
    for name in RIVALS {
        assert_eq!(one.run_rival(name), other.run_rival(name), "{name}");
    }
}

#[test]
fn targets_that_can_be_kept_are_stated_as_they_are() {
    let model = PoolModel::default();
    let step = targets(&Rehearsal::new(named("step10x", &model, 0).unwrap(), model));
    assert!(step.iter().all(|target| !target.is_relative), "{step:?}");
    let most = |measure| step.iter().find(|target| target.measure == measure).map(|target| target.most);
    assert_eq!(most(Measure::MaxAge), Some(10.0));
    assert_eq!(most(Measure::P99Age), Some(1.0));
    assert_eq!(most(Measure::Drain), Some(8.0));
    assert_eq!(most(Measure::Reaction), Some(6.5));
    // 200 workers need 15 s for 30,000 records; without foresight the first new one comes after 6.5 s at best.
    let batch = targets(&Rehearsal::new(named("batch30k", &model, 0).unwrap(), model));
    let age = batch.iter().find(|target| target.measure == Measure::MaxAge).unwrap();
    assert!(age.is_relative && (20.0..22.0).contains(&age.most), "{age:?}");
}

#[test]
fn cost_is_compared_at_equal_or_better_age_only() {
    let ages = [
        Target { measure: Measure::P99Age, most: 1.0, is_relative: false },
        Target { measure: Measure::MaxAge, most: 10.0, is_relative: false },
    ];
    let score = |cost: f64, p99_age: f64, max_age: f64| Score { cost, p99_age, max_age, ..Score::default() };
    let own = score(100.0, 0.5, 5.0);
    let against = |other: Score| compare(&own, &other, &ages);
    assert_eq!(against(score(110.0, 0.6, 6.0)), Verdict::Better);
    assert_eq!(against(score(110.0, 0.4, 4.0)), Verdict::Cheaper, "both keep what was asked");
    assert_eq!(against(score(90.0, 0.5, 11.0)), Verdict::InTime, "it is late, and so no measure");
    assert_eq!(against(score(90.0, 0.6, 6.0)), Verdict::Worse, "it keeps the targets for less");
    let late = score(100.0, 0.5, 12.0);
    assert_eq!(compare(&late, &score(90.0, 0.5, 11.0), &ages), Verdict::Worse, "late and dearer");
    assert_eq!(compare(&late, &score(110.0, 0.5, 11.0), &ages), Verdict::Worse, "cheaper, but later");
    assert_eq!(compare(&late, &score(110.0, 0.5, 13.0), &ages), Verdict::Better, "both late");
    assert_eq!(compare(&late, &score(90.0, 0.5, 13.0), &ages), Verdict::Younger, "both late");
}

#[test]
fn nobody_who_is_as_early_as_the_oracle_is_cheaper_whatever_the_pool() {
    let checked: usize = on_all_cores(0..60_u64, |seed| {
        let pick = |values: &[u64], step: u64| {
            Duration::from_millis(values[(seed * step % 7) as usize % values.len()])
        };
        let model = PoolModel {
            service: pick(&[100, 3, 40, 700, 1_500], 1),
            start: pick(&[5_000, 0, 100, 20_000], 3),
            min: (seed % 3) as u32,
            max: [200, 1, 12, 40][(seed % 4) as usize],
            goal: pick(&[10_000, 1_000, 60_000], 5),
            sink_limit: seed.is_multiple_of(5).then_some(30.0),
            ..PoolModel::default()
        };
        let rehearsal = Rehearsal::new(random(&model, seed), model);
        let latest = model.goal.as_secs_f64().max(rehearsal.least().max_age);
        let rivals = RIVALS.iter().filter_map(|name| rehearsal.run_rival(name)).map(|outcome| outcome.score);
        let scores: Vec<Score> =
            rivals.chain([own(&rehearsal), *rehearsal.prompt(), *rehearsal.patient()]).collect();
        let in_time = scores.iter().filter(|score| score.max_age <= latest);
        for score in in_time.clone() {
            assert!(score.cost_ratio >= 1.0 - 1e-6, "seed {seed}: {score:?} undercuts {model:?}");
        }
        for score in &scores {
            let finite = [score.cost_ratio, score.p99_age, score.over, score.under, score.actions_per_hour];
            assert!(finite.iter().all(|value| value.is_finite()), "seed {seed}: {score:?}");
        }
        in_time.count()
    })
    .into_iter()
    .sum();
    assert!(checked > 60, "only {checked} of them were in time");
}
