//! Which traces keep all targets: every named one, most of those from seeds, and how far the others are off.
//!
//! `CAUDAL_SEED` begins the seeds, so that the traces of a run need not be in the repository.

use super::{
    super::{
        PoolModel, RIVALS, Rehearsal, on_all_cores,
        targets::{Measure, Target, targets},
        traces::{NAMES, Trace, named, random},
        versus::{Verdict, compare},
    },
    own,
};
use std::fmt;

/// Random traces of one run.
const SEEDS: u64 = 200;
/// Of 3,000 of them, 2,769 kept every target; this is more than five standard deviations below that.
const LEAST_KEPT: usize = 165;
/// Named traces with other noise, of each: of 213 of them 189 kept every target.
const NOISES: u64 = 5;
/// Changes of direction in an hour on any trace, whatever a named one is asked for besides.
const CALM: f64 = 20.0;

/// A target that a trace has missed.
struct Miss {
    trace: String,
    target: Target,
    value: f64,
}

impl fmt::Debug for Miss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, target: Target { measure, most, .. }, value } = self;
        write!(out, "{trace}: {} is {}, not {}", measure.name(), measure.text(*value), measure.text(*most))
    }
}

fn seed() -> u64 {
    let given = std::env::var("CAUDAL_SEED").ok();
    let seed = given.and_then(|seed| seed.parse().ok()).unwrap_or(20_190_601);
    println!("CAUDAL_SEED={seed}");
    seed
}

fn misses(trace: Trace, name: &str) -> Vec<Miss> {
    let rehearsal = Rehearsal::new(trace, PoolModel::default());
    let score = own(&rehearsal);
    let missed = targets(&rehearsal).into_iter().filter(|target| !target.is_met(&score));
    let value = |target: &Target| target.measure.of(&score).unwrap_or_default();
    missed.map(|target| Miss { trace: name.to_owned(), value: value(&target), target }).collect()
}

#[test]
fn every_named_trace_keeps_all_targets() {
    let missed =
        on_all_cores(NAMES.iter(), |name| misses(named(name, &PoolModel::default(), 0).unwrap(), name));
    assert!(missed.iter().all(Vec::is_empty), "{missed:?}");
}

#[test]
fn named_traces_with_other_noise_keep_their_targets_but_for_a_few() {
    let model = PoolModel::default();
    // A day is as long as all the others together.
    let hours = NAMES.iter().filter(|name| **name != "diurnal");
    let first = seed();
    let plays: Vec<(&str, u64)> =
        hours.flat_map(|name| (0..NOISES).map(move |noise| (*name, first.wrapping_add(noise)))).collect();
    let count = plays.len();
    let missed = on_all_cores(plays.into_iter(), |(name, noise)| {
        misses(named(name, &model, noise).unwrap(), &format!("{name} with noise {noise}"))
    });
    let kept = missed.iter().filter(|missed| missed.is_empty()).count();
    assert!(kept * 10 >= count * 6, "{kept} of {count}: {missed:?}");
    are_near(missed.iter().flatten());
}

#[test]
fn most_random_traces_keep_all_targets_and_the_others_are_near() {
    let first = seed();
    let seeds = (0..SEEDS).map(|number| first.wrapping_add(number));
    let missed =
        on_all_cores(seeds, |seed| misses(random(&PoolModel::default(), seed), &format!("seed {seed}")));
    let kept = missed.iter().filter(|missed| missed.is_empty()).count();
    assert!(kept >= LEAST_KEPT, "{kept} of {SEEDS}: {missed:?}");
    are_near(missed.iter().flatten());
}

/// What is promised whatever comes: nothing is lost, no hour turns too often, ages and drains are kept nearly.
fn are_near<'a>(missed: impl Iterator<Item = &'a Miss>) {
    for miss in missed {
        let factor = match miss.target.measure {
            Measure::LostToScaleIn | Measure::Reversals | Measure::Futile => 1.0,
            Measure::MaxAge | Measure::Drain => 1.2,
            Measure::Reaction => 2.0,
            Measure::P99Age => 3.0,
            _ => continue,
        };
        let calm = if miss.target.measure == Measure::Reversals { CALM } else { 0.0 };
        assert!(miss.value <= (miss.target.most * factor).max(calm) + 1e-6, "{miss:?}");
    }
}

#[test]
fn no_rival_is_cheaper_at_equal_or_better_age_on_any_named_trace() {
    let model = PoolModel::default();
    on_all_cores(NAMES.iter(), |name| {
        let rehearsal = Rehearsal::new(named(name, &model, 0).unwrap(), model);
        let (targets, own) = (targets(&rehearsal), own(&rehearsal));
        for rival in RIVALS {
            let other = rehearsal.run_rival(rival).unwrap().score;
            let verdict = compare(&own, &other, &targets);
            assert_ne!(verdict, Verdict::Worse, "{rival} on {name}: {other:?} against {own:?}");
        }
    });
}
