//! The life of workers: heartbeats, when they come back after a failure, and how they are replaced.

use super::numbers::Bounds;
use crate::{
    pipeline::{RefreshSettings, RestartTerms, workers::WorkersSection},
    topology::{TopologySpec, document::KeyPath, fault::Faults},
    units::Span,
};
use std::time::Duration;

/// A pool that rests for longer is better suspended by hand.
const LONGEST_REST: Span = Span(Duration::from_secs(24 * 3_600));

pub(super) fn check(spec: &TopologySpec, faults: &mut Faults<'_>) {
    let mut bounds = Bounds { faults };
    for (name, section) in &spec.workers {
        let path = KeyPath::of(["workers", name]);
        check_heartbeat(section, &path.field("heartbeat"), &mut bounds);
        check_restart(&section.restart, &path.field("restart"), &mut bounds);
        check_refresh(&section.refresh, &path.field("refresh"), &mut bounds);
    }
}

fn check_heartbeat(section: &WorkersSection, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    let Some(heartbeat) = section.heartbeat else { return };
    bounds.some_time(path, heartbeat);
    if let Some(http) = section.run.http.as_ref().filter(|http| http.timeout >= heartbeat) {
        let range = format!("it must be above run.http.timeout = {}", http.timeout);
        bounds.refuse(path, heartbeat, &range);
    }
}

fn check_restart(restart: &RestartTerms, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    bounds.some_time(&path.field("rest"), restart.rest);
    bounds.in_order(&path.field("rest"), ("rest", restart.rest), ("most_rest", restart.most_rest));
    bounds.some(&path.field("failures"), restart.failures);
    bounds.some_time(&path.field("within"), restart.within);
    for (name, time) in [("most_rest", restart.most_rest), ("within", restart.within)] {
        if time > LONGEST_REST {
            bounds.refuse(&path.field(name), time, &format!("it must be at most {LONGEST_REST}"));
        }
    }
}

fn check_refresh(refresh: &RefreshSettings, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    bounds.within(&path.field("min_healthy_percentage"), refresh.min_healthy_percentage, 0, 100);
    bounds.within(&path.field("max_healthy_percentage"), refresh.max_healthy_percentage, 100, 200);
    let mut before = 0;
    for (index, share) in refresh.checkpoint_percentages.iter().enumerate() {
        let path = path.field("checkpoint_percentages").item(index);
        bounds.within(&path, *share, 1, 100);
        if *share <= before {
            bounds.refuse(&path, *share, &format!("checkpoints ascend, and {before} comes before it"));
        }
        before = before.max(*share);
    }
}
