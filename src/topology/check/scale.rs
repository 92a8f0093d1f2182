//! Bounds and policies of pools.

use super::numbers::{Bounds, MOST_SHARDS};
use crate::{
    pipeline::{
        Adjustment, PredictivePolicy, Scale, ScalePolicy, ScheduleError, ScheduledPolicy, StepPolicy,
        TargetTrackingPolicy, UtilisationPolicy,
    },
    topology::{
        TopologySpec,
        document::KeyPath,
        fault::{Faults, Problem},
    },
    units::Span,
};
use std::time::Duration;

const SHORTEST_PERIOD: Span = Span(Duration::from_secs(60));

pub(super) fn check(spec: &TopologySpec, faults: &mut Faults<'_>) {
    let mut bounds = Bounds { faults };
    for (name, section) in &spec.ingress {
        // Without a collector nobody would answer.
        check_scale(&section.scale, 1, &KeyPath::of(["ingress", name, "scale"]), &mut bounds);
    }
    for (name, section) in &spec.workers {
        check_scale(&section.scale, 0, &KeyPath::of(["workers", name, "scale"]), &mut bounds);
    }
    let raw = spec.raw.iter().map(|(name, section)| ("raw", name, &section.scale));
    let loader = spec.loader.iter().map(|(name, section)| ("loader", name, &section.scale));
    for (kind, name, scale) in raw.chain(loader) {
        // However many shards there are: they bound it later, and there is at least one. Without a
        // writer nothing would ever become durable.
        check_scale(&scale.pool_scale(MOST_SHARDS), 1, &KeyPath::of([kind, name, "scale"]), &mut bounds);
    }
}

fn check_scale(scale: &Scale, fewest: u32, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    bounds.some(&path.field("max"), scale.max);
    bounds.within(&path.field("min"), scale.min, fewest, u32::MAX);
    bounds.some_time(&path.field("goal_age"), scale.goal_age);
    if scale.max > 0 {
        bounds.in_order(&path.field("min"), ("min", scale.min), ("max", scale.max));
    }
    if let Some(desired) = scale.desired.filter(|_| scale.min <= scale.max) {
        bounds.within(&path.field("desired"), desired, scale.min, scale.max);
    }
    for (index, policy) in scale.policies.iter().enumerate() {
        check_policy(policy, scale, fewest, &path.field("policies").item(index), bounds);
    }
}

fn check_policy(
    policy: &ScalePolicy,
    scale: &Scale,
    fewest: u32,
    path: &KeyPath,
    bounds: &mut Bounds<'_, '_>,
) {
    let given = policy.given();
    if given.len() != 1 {
        let given = if given.is_empty() { "none".to_owned() } else { given.join(" and ") };
        bounds.faults.add(path, &Problem::PolicyChoice { known: ScalePolicy::NAMES.join(", "), given });
    }
    if let Some(goal) = policy.goal_age {
        bounds.some_time(&path.field("goal_age"), goal);
    }
    if let Some(policy) = &policy.target_tracking {
        check_target_tracking(policy, &path.field("target_tracking"), bounds);
    }
    if let Some(policy) = &policy.step {
        check_step(policy, &path.field("step"), bounds);
    }
    if let Some(policy) = &policy.scheduled {
        check_scheduled(policy, scale, fewest, &path.field("scheduled"), bounds);
    }
    if let Some(policy) = &policy.predictive {
        check_predictive(policy, &path.field("predictive"), bounds);
    }
    if let Some(policy) = &policy.utilisation {
        check_utilisation(policy, &path.field("utilisation"), bounds);
    }
}

fn check_target_tracking(policy: &TargetTrackingPolicy, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    if let Some(target) = policy.target.filter(|target| !target.is_finite() || *target <= 0.0) {
        bounds.refuse(&path.field("target"), target, "it must be above 0");
    }
    bounds.some_time(&path.field("acceptable_latency"), policy.acceptable_latency);
    if let Some(time) = policy.processing_time {
        bounds.some_time(&path.field("processing_time"), time);
    }
}

/// Steps follow one another without gap or overlap, and the outermost are open, as in AWS: a metric
/// that is far off is never outside all of them.
fn check_step(policy: &StepPolicy, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    bounds.some_time(&path.field("period"), policy.period);
    bounds.some(&path.field("min_adjustment"), policy.min_adjustment);
    if !policy.threshold.is_finite() {
        bounds.refuse(&path.field("threshold"), policy.threshold, "it must be finite");
    }
    let steps = path.field("steps");
    let mut places: Vec<(f64, f64, usize)> = Vec::new();
    for (index, step) in policy.steps.iter().enumerate() {
        let (from, to) = (step.from.unwrap_or(f64::NEG_INFINITY), step.to.unwrap_or(f64::INFINITY));
        if from.partial_cmp(&to) != Some(std::cmp::Ordering::Less) {
            let why = format!("the step from {from} to {to} holds nothing; raise to or lower from");
            bounds.faults.add(&steps.item(index), &Problem::BadSteps { why });
        }
        if policy.adjustment == Adjustment::Exact && step.by < 0 {
            bounds.refuse(&steps.item(index).field("by"), step.by, "an exact capacity is at least 0");
        }
        places.push((from, to, index));
    }
    check_places(places, &steps, bounds);
}

/// Steps as their bounds and places in the list.
fn check_places(mut places: Vec<(f64, f64, usize)>, steps: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    places.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (below, above) in places.iter().zip(places.iter().skip(1)) {
        let why = match below.1.total_cmp(&above.0) {
            std::cmp::Ordering::Equal => continue,
            std::cmp::Ordering::Less => {
                format!("nothing is said from {} to {}; add a step, with by = 0 to hold", below.1, above.0)
            }
            std::cmp::Ordering::Greater => {
                format!("two steps hold {} to {}; let one end where the other begins", above.0, below.1)
            }
        };
        bounds.faults.add(&steps.item(above.2), &Problem::BadSteps { why });
    }
    match (places.first(), places.last()) {
        (Some((from, _, index)), _) if from.is_finite() && *from < 0.0 => {
            let why = format!("nothing is said below {from}; leave \"from\" out of the lowest step");
            bounds.faults.add(&steps.item(*index), &Problem::BadSteps { why });
        }
        (_, Some((_, to, index))) if to.is_finite() && *to > 0.0 => {
            let why = format!("nothing is said above {to}; leave \"to\" out of the highest step");
            bounds.faults.add(&steps.item(*index), &Problem::BadSteps { why });
        }
        (None, _) => {
            let why = "there is none; add one such as { from = 0, by = 1 }".to_owned();
            bounds.faults.add(steps, &Problem::BadSteps { why });
        }
        _ => {}
    }
}

fn check_scheduled(
    policy: &ScheduledPolicy,
    scale: &Scale,
    fewest: u32,
    path: &KeyPath,
    bounds: &mut Bounds<'_, '_>,
) {
    if let Err(error) = policy.times() {
        let field = if matches!(error, ScheduleError::Zone { .. }) { "time_zone" } else { "cron" };
        bounds.faults.add(&path.field(field), &Problem::BadSchedule { why: error.to_string() });
    }
    if policy.min.is_none() && policy.max.is_none() && policy.desired.is_none() {
        let why = "the schedule changes nothing; give min, max or desired".to_owned();
        bounds.faults.add(path, &Problem::BadSchedule { why });
    }
    let (min, max) = (policy.min.unwrap_or(scale.min), policy.max.unwrap_or(scale.max));
    if let Some(min) = policy.min {
        bounds.within(&path.field("min"), min, fewest, u32::MAX);
    }
    if let Some(max) = policy.max {
        bounds.within(&path.field("max"), max, fewest, u32::MAX);
    }
    let field = if policy.min.is_some() { "min" } else { "max" };
    if policy.min.is_some() || policy.max.is_some() {
        bounds.in_order(&path.field(field), ("min", min), ("max", max));
    }
    if let Some(desired) = policy.desired.filter(|_| min <= max) {
        bounds.within(&path.field("desired"), desired, min, max);
    }
}

fn check_predictive(policy: &PredictivePolicy, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    if policy.period < SHORTEST_PERIOD {
        let range = format!("it must be at least {SHORTEST_PERIOD}");
        bounds.refuse(&path.field("period"), policy.period, &range);
    }
    bounds.in_order(&path.field("ahead"), ("ahead", policy.ahead), ("period", policy.period));
}

fn check_utilisation(policy: &UtilisationPolicy, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    if !(policy.target > 0.0 && policy.target <= 1.0) {
        bounds.refuse(&path.field("target"), policy.target, "it must be above 0 and at most 1");
    }
    if let Some(outstanding) = policy.outstanding {
        bounds.some(&path.field("outstanding"), outstanding);
    }
}
