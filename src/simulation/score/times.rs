//! Measures in seconds: ages, reaction, drain, idle tail.

use super::{episodes::Rise, steadiness::UNDER};
use crate::simulation::{PoolModel, run::Run};

/// The age exceeded for 1 % of the seconds, and the greatest.
pub(super) fn p99_and_max(ages: &[f64]) -> (f64, f64) {
    let mut sorted = ages.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * 0.99).ceil() as usize;
    let p99 = sorted.get(place.saturating_sub(1)).copied().unwrap_or_default();
    (p99, sorted.last().copied().unwrap_or_default())
}

/// The slowest of: from a rise that finds too few workers to the first new one in service. Too few are less than
/// 95 % of what is needed; for a rise of a single second, less than finish its records within the goal.
pub(super) fn reaction(run: &Run, model: &PoolModel, needs: &[f64], rises: &[Rise]) -> Option<f64> {
    let after_rise = |rise: &Rise| {
        let before = run.samples.get(rise.at.checked_sub(1)?)?.in_service;
        let least = if rise.lasts {
            UNDER * *needs.get(rise.at)?
        } else {
            rise.records as f64 / model.rate() / model.goal.as_secs_f64()
        };
        let lacks = f64::from(before) < least && before < model.max;
        let since = |(time, _): &(f64, u32)| *time - rise.at as f64;
        let came = run.arrivals_in_service.iter().map(since).find(|after| *after > 0.0);
        lacks.then(|| came.unwrap_or((run.samples.len() - rise.at) as f64))
    };
    rises.iter().filter_map(after_rise).reduce(f64::max)
}

/// The slowest of: from a rise until the age stays under the goal, before the next rise. Zero: it always did.
pub(super) fn drain(ages: &[f64], model: &PoolModel, rises: &[Rise]) -> Option<f64> {
    let goal = model.goal.as_secs_f64();
    let ends = rises.iter().skip(1).map(|rise| rise.at).chain([ages.len()]);
    let after_rise = |(rise, to): (&Rise, usize)| {
        let part = ages.get(rise.at..to).unwrap_or_default();
        part.iter().rposition(|age| *age >= goal).map_or(0.0, |last| (last + 1) as f64)
    };
    rises.iter().zip(ends).map(after_rise).reduce(f64::max)
}

/// The slowest of: from a fall, or from when the records that came before it are done, to no more
/// than 110 % of the workers then needed. It ends without them when the load rises again.
pub(super) fn idle_tail(run: &Run, model: &PoolModel, needs: &[f64], falls: &[usize]) -> Option<f64> {
    let done = model.goal.as_secs_f64() / 10.0;
    let after_fall = |at: &usize| {
        let need = *needs.get(*at)?;
        let low = needs.get(*at..)?.iter().take_while(|later| **later <= need * 1.1).count();
        let seconds = run.samples.get(*at..at + low)?;
        let cleared = seconds.iter().position(|sample| sample.oldest_age <= done)?;
        let enough = (need * 1.1 - 1e-9).ceil();
        let tail = seconds.iter().skip(cleared).position(|sample| f64::from(sample.in_service) <= enough);
        Some(tail.unwrap_or(low - cleared) as f64)
    };
    falls.iter().filter_map(after_fall).reduce(f64::max)
}
