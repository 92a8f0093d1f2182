//! Measures of calm: actions, reversals, provisioning, error, amnesia.

use crate::simulation::{
    PoolModel, Sample,
    outcome::Change,
    run::{AFTER_RESTART, Run},
};

/// Share of needed workers below which a second is under-provisioned: arrivals vary by chance, and a policy is not
/// asked to follow them by a twentieth.
pub(super) const UNDER: f64 = 0.95;
/// Share above which it is over-provisioned.
const OVER: f64 = 1.10;
/// Fewest needed workers for an error to be told from rounding.
const LEAST_NEED: f64 = 5.0;
/// Seconds that a load has been steady when an estimate is judged.
const STEADY: usize = 60;

/// Seconds by which an order may be sooner or later and still be the same one: what arrived while nobody counted
/// is not known to whoever starts anew.
const ABOUT: usize = 5;

/// Changes per hour, and changes of direction per hour.
pub(super) fn actions_and_reversals(decisions: &[Change], seconds: usize) -> (f64, f64) {
    let ups = || decisions.iter().map(|(_, from, to, _)| to > from);
    let reversals = ups().zip(ups().skip(1)).filter(|(before, after)| before != after).count();
    let hours = seconds.max(1) as f64 / 3_600.0;
    (decisions.len() as f64 / hours, reversals as f64 / hours)
}

/// Shares of the seconds over and under what is needed.
pub(super) fn over_and_under(run: &Run, needs: &[f64]) -> (f64, f64) {
    let pairs = || run.samples.iter().zip(needs).map(|(sample, need)| (f64::from(sample.in_service), *need));
    let over = pairs().filter(|(workers, need)| *workers > (need * OVER - 1e-9).ceil()).count();
    let under = pairs().filter(|(workers, need)| *workers < need * UNDER).count();
    let seconds = run.samples.len().max(1) as f64;
    (over as f64 / seconds, under as f64 / seconds)
}

/// 95th percentile of |wanted - needed| / needed, in seconds whose load has been steady for a minute, with no
/// backlog, between the bounds and below the sink's limit.
pub(super) fn estimator_error(run: &Run, model: &PoolModel, needs: &[f64]) -> Option<f64> {
    let young = model.goal.as_secs_f64() / 10.0;
    let (min, max) = (f64::from(model.min), f64::from(model.max));
    let mut errors = Vec::new();
    let mut steady = 0;
    let mut before = f64::NAN;
    for ((need, sample), wanted) in needs.iter().zip(&run.samples).zip(&run.wanted) {
        steady = if (need - before).abs() <= 0.001 * need { steady + 1 } else { 0 };
        before = *need;
        let is_capped = model.sink_limit.is_some_and(|limit| sample.arrivals_per_second >= limit);
        let bounded = *need <= min || *need >= max || *need < LEAST_NEED || is_capped;
        if let Some(wanted) = wanted.filter(|_| steady >= STEADY && !bounded && sample.oldest_age <= young) {
            errors.push((wanted - need).abs() / need);
        }
    }
    errors.sort_by(f64::total_cmp);
    let place = (errors.len() as f64 * 0.95).ceil() as usize;
    errors.get(place.checked_sub(1)?).copied()
}

/// Greatest difference of what is ordered in the minute after a restart from what is ordered without one within
/// 5 s before or after, over the latter; a single worker is not counted.
pub(super) fn amnesia(plain: &Run, restarted: &Run, restart_at: usize) -> f64 {
    let difference = |(second, sample): (usize, &Sample)| {
        let near = plain.samples.iter().take(second + ABOUT + 1).skip(second.saturating_sub(ABOUT));
        let ordered = || near.clone().map(|sample| sample.desired);
        let (least, most) = (ordered().min().unwrap_or_default(), ordered().max().unwrap_or_default());
        let nearest = sample.desired.clamp(least, most);
        let apart = sample.desired.abs_diff(nearest);
        if apart > 1 { f64::from(apart) / f64::from(nearest.max(1)) } else { 0.0 }
    };
    let after = restarted.samples.iter().enumerate().skip(restart_at).take(AFTER_RESTART);
    after.map(difference).fold(0.0, f64::max)
}
