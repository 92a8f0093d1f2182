//! An outcome made by hand, for tests: a minute with a spike and a kill, all of it proven.

use super::*;
use std::time::Duration;

fn latency(of: impl Iterator<Item = u64>) -> Latency {
    let mut recorder = Recorder::default();
    for microseconds in of {
        recorder.record(Duration::from_micros(microseconds));
    }
    recorder.latency()
}

fn stage(name: &str, from: f64, rate: u64, slowest: u64) -> StageOutcome {
    let accepted = rate * 20;
    StageOutcome {
        name: name.to_owned(),
        from,
        seconds: 20.0,
        totals: Totals {
            planned: accepted,
            sent: accepted,
            accepted,
            requests: accepted / 10,
            bytes: accepted * 256,
            ..Totals::default()
        },
        latency: latency((0..accepted).map(|number| 2_000 + number * (slowest - 2_000) / accepted)),
    }
}

fn sample(second: u32) -> Sample {
    let is_spike = (21..=40).contains(&second);
    let is_down = (51..=52).contains(&second);
    let rate = if is_spike { 1_000 } else { 100 };
    let after = f64::from(second.saturating_sub(20));
    let node = NodeSample {
        backlog: if is_spike { 40.0 * after } else { 5.0 },
        oldest_age: if is_spike { 0.2 * after } else { 0.1 },
        desired: if is_spike { 8 } else { 1 },
        in_service: if (24..=42).contains(&second) { 8 } else { 1 },
    };
    let daemon = DaemonSample {
        memory_bytes: (64 << 20) + u64::from(second) * (64 << 10),
        processor_seconds: f64::from(second) * 0.2,
        nodes: BTreeMap::from([
            ("review".to_owned(), node),
            ("bronze".to_owned(), NodeSample { backlog: 3.0, desired: 2, in_service: 2, ..node }),
        ]),
    };
    Sample {
        second: f64::from(second),
        planned: rate,
        accepted: if is_down { 0 } else { rate },
        refused: if is_spike { 20 } else { 0 },
        unsent: if is_down { 1 } else { 0 },
        p50: if is_spike { 0.012 } else { 0.003 },
        p99: if is_spike { 0.08 } else { 0.006 },
        max: if is_down { 1.2 } else { 0.09 },
        behind: 0.0,
        daemon: (!is_down).then_some(daemon),
    }
}

/// A run of a minute that kept its thresholds (which `verdicts` does not list yet).
pub fn outcome() -> Outcome {
    let stages = vec![
        stage("warm-up", 0.0, 100, 6_000),
        stage("spike", 20.0, 1_000, 90_000),
        stage("after", 40.0, 100, 1_200_000),
    ];
    let mut totals = Totals::default();
    for stage in &stages {
        totals += stage.totals;
    }
    (totals.planned, totals.unsent) = (totals.planned + 2, 2);
    (totals.sent, totals.refused, totals.planned) = (totals.sent + 20, 20, totals.planned + 20);
    let places = [
        ("raw bronze", totals.accepted),
        ("warehouse trips", totals.accepted - 120),
        ("quarantine trips", 120),
    ];
    Outcome {
        scenario: "spike10x".to_owned(),
        about: "ten times the load for 20 s, and a kill afterwards".to_owned(),
        seed: 7,
        began_at: "2026-11-23T08:20:00Z".to_owned(),
        machine: Machine { cores: 2, memory_bytes: 8 << 30, system: "Linux 6.1 x86_64".to_owned() },
        version: "0.1.0".to_owned(),
        target: "http http://127.0.0.1:8080".to_owned(),
        seconds: 64.5,
        cut_short: None,
        totals,
        stages,
        hops: BTreeMap::from([(
            "raw bronze".to_owned(),
            latency((0..500).map(|number| 300_000 + number * 2_000)),
        )]),
        samples: (1..=60).map(sample).collect(),
        faults: vec![FaultOutcome {
            from: 50.0,
            seconds: 1.4,
            kind: "kill_daemon".to_owned(),
            detail: "killed, ready again after 0.21 s".to_owned(),
        }],
        proof: Some(Proof {
            accepted: totals.accepted,
            places: places.map(|(place, count)| (place.to_owned(), count)).into(),
            unknown_stored: 1,
            drain_seconds: 2.3,
            ..Proof::default()
        }),
        scaling: Some(Scaling { actions: 2, worker_seconds: 286.0 }),
        verdicts: Vec::new(),
    }
}
