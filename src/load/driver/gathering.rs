//! From the books of all producers to samples and stages.

use super::book::Page;
use crate::load::outcome::{Recorder, Sample, StageOutcome, Totals};
use std::time::Duration;

/// What came of the drive so far.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    pub totals: Totals,
    pub stages: Vec<StageOutcome>,
}

/// Adds pages up.
#[derive(Debug)]
pub(super) struct Gathering {
    stages: Vec<Stage>,
    /// Latencies of the second.
    lately: Recorder,
}

#[derive(Debug)]
struct Stage {
    name: String,
    from: Duration,
    length: Duration,
    totals: Totals,
    latencies: Recorder,
}

impl Gathering {
    /// For stages of these names and lengths.
    pub(super) fn new(lengths: Vec<(String, Duration)>) -> Self {
        let mut from = Duration::ZERO;
        let stage = |(name, length)| {
            let begin = from;
            from += length;
            Stage { name, from: begin, length, totals: Totals::default(), latencies: Recorder::default() }
        };
        Self { stages: lengths.into_iter().map(stage).collect(), lately: Recorder::default() }
    }

    /// Adds pages up, and tells what was on them.
    pub(super) fn sample(
        &mut self,
        now: Duration,
        behind: Duration,
        pages: impl Iterator<Item = Page>,
    ) -> Sample {
        let mut totals = Totals::default();
        self.lately.clear();
        for page in pages {
            for (at, counted) in page.stages {
                totals += counted;
                if let Some(stage) = self.stages.get_mut(at as usize) {
                    stage.totals += counted;
                }
            }
            for (at, microseconds) in page.latencies {
                let latency = Duration::from_micros(u64::from(microseconds));
                self.lately.record(latency);
                if let Some(stage) = self.stages.get_mut(at as usize) {
                    stage.latencies.record(latency);
                }
            }
        }
        let latency = self.lately.latency();
        Sample {
            second: now.as_secs_f64(),
            planned: totals.planned,
            accepted: totals.accepted,
            refused: totals.refused,
            unsent: totals.unsent,
            p50: latency.p50,
            p99: latency.p99,
            max: latency.max,
            behind: behind.as_secs_f64(),
            daemon: None,
        }
    }

    /// The name of the stage at a second of the run, and the length of all stages in seconds.
    pub(super) fn stage_at(&self, second: f64) -> (String, f64) {
        let begun = self.stages.iter().rfind(|stage| stage.from.as_secs_f64() <= second);
        let length: Duration = self.stages.iter().map(|stage| stage.length).sum();
        (begun.map(|stage| stage.name.clone()).unwrap_or_default(), length.as_secs_f64())
    }

    pub(super) fn gathered(&self) -> Gathered {
        let mut totals = Totals::default();
        self.stages.iter().for_each(|stage| totals += stage.totals);
        let stage = |stage: &Stage| StageOutcome {
            name: stage.name.clone(),
            from: stage.from.as_secs_f64(),
            seconds: stage.length.as_secs_f64(),
            totals: stage.totals,
            latency: stage.latencies.latency(),
        };
        Gathered { totals, stages: self.stages.iter().map(stage).collect() }
    }
}
