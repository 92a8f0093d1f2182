//! What a run must keep: pure, from what it has shown.

mod measure;
#[cfg(test)]
mod tests;

pub use measure::Measure;

use super::{
    figure,
    outcome::{Latency, Outcome, Verdict},
    scenario::Thresholds,
};

/// What is judged of a run in which nothing was accepted.
const ACCEPTED: &str = "accepted";

/// Every threshold that holds for the run, asked for or not, with what was measured. One that was asked for
/// and cannot be measured is not met.
pub fn judge(thresholds: &Thresholds, outcome: &Outcome) -> Vec<Verdict> {
    let latency = outcome.latency();
    let limited =
        Measure::ALL.into_iter().filter_map(|measure| verdict(measure, thresholds, outcome, &latency));
    nothing_accepted(outcome).into_iter().chain(limited).collect()
}

/// Leaves what a proof finds to be judged; all else is only told. For a machine that has other work beside the
/// run, which says nothing of speed.
pub fn of_proof_only(verdicts: &mut [Verdict]) {
    let judged: Vec<&str> =
        Measure::ALL.into_iter().filter(|measure| measure.is_of_proof()).map(Measure::name).collect();
    for verdict in verdicts {
        verdict.is_only_told = verdict.threshold != ACCEPTED && !judged.contains(&verdict.threshold.as_str());
    }
}

/// The first threshold that is passed in a run that still goes on, once the time has come from which the
/// scenario wants to be ended by one.
pub fn passed_early(thresholds: &Thresholds, so_far: &Outcome) -> Option<Verdict> {
    let from = thresholds.abort_after?.0.as_secs_f64();
    if so_far.samples.last()?.second < from {
        return None;
    }
    let latency = so_far.latency();
    let known = Measure::ALL.into_iter().filter(|measure| {
        // What is not measured yet may be later.
        measure.is_known_early() && measure.of(so_far, &latency).is_ok()
    });
    let mut verdicts = known.filter_map(|measure| verdict(measure, thresholds, so_far, &latency));
    verdicts.find(|verdict| !verdict.is_met)
}

fn verdict(
    measure: Measure,
    thresholds: &Thresholds,
    outcome: &Outcome,
    latency: &Latency,
) -> Option<Verdict> {
    let limit = measure.limit(thresholds, outcome)?;
    let measured = measure.of(outcome, latency);
    Some(Verdict {
        threshold: measure.name().to_owned(),
        limit: if limit == 0.0 { "none".to_owned() } else { format!("at most {}", measure.text(limit)) },
        is_met: measured.is_ok_and(|value| value <= limit),
        measured: measured.map_or_else(str::to_owned, |value| measure.text(value)),
        is_only_told: false,
    })
}

/// A run that stored nothing has kept every limit, and has shown nothing.
fn nothing_accepted(outcome: &Outcome) -> Option<Verdict> {
    let totals = &outcome.totals;
    (totals.planned > 0 && totals.accepted == 0).then(|| Verdict {
        threshold: ACCEPTED.to_owned(),
        limit: "at least 1 record".to_owned(),
        measured: format!("none of {} planned", figure::count(totals.planned)),
        ..Verdict::default()
    })
}
