//! What a run has shown so far.

use super::{Observer, Phase, Progress, clock::Begin, machine};
use crate::load::{
    driver::Gathered,
    outcome::{Outcome, Sample},
    scenario::Scenario,
    thresholds,
    watch::Watch,
};
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for what the daemon says of itself: a sample is one of its second, or has no such part.
const LOOK: Duration = Duration::from_millis(500);

/// An outcome that grows.
#[derive(Debug)]
pub(super) struct Recording<'a> {
    pub outcome: Outcome,
    pub began: Begin,
    scenario: &'a Scenario,
    observer: &'a Observer,
    watch: Option<Watch>,
    /// Length of all stages, in seconds.
    length: f64,
}

impl<'a> Recording<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        began: Begin,
        watch: Option<Watch>,
        observer: &'a Observer,
    ) -> Self {
        let outcome = Outcome {
            scenario: scenario.scenario.name.clone(),
            about: scenario.scenario.about.clone(),
            seed: scenario.scenario.seed,
            began_at: began.shown(),
            machine: machine::machine(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Outcome::default()
        };
        Self { outcome, began, scenario, observer, watch, length: 0.0 }
    }

    /// Adds a sample, with what the daemon says of itself, and tells the observer.
    pub(super) async fn second(&mut self, phase: Phase, mut sample: Sample, (stage, length): (String, f64)) {
        if let Some(watch) = &mut self.watch {
            sample.daemon = timeout(LOOK, watch.sample()).await.ok().flatten();
        }
        self.length = length;
        let (second, sample_told) = (sample.second, sample.clone());
        self.outcome.samples.push(sample);
        self.observer.tell(Progress { phase, stage, second, length, sample: sample_told });
    }

    /// A second in which nothing is sent any more.
    pub(super) async fn quiet_second(&mut self) {
        let second = self.began.instant.elapsed().as_secs_f64();
        let sample = Sample { second, ..Sample::default() };
        self.second(Phase::Proving, sample, (String::new(), self.length)).await;
    }

    pub(super) fn gathered(&mut self, gathered: Gathered) {
        (self.outcome.totals, self.outcome.stages) = (gathered.totals, gathered.stages);
        self.outcome.seconds = self.began.instant.elapsed().as_secs_f64();
        if self.outcome.cut_short.is_some() {
            self.outcome.end_stages();
        }
    }

    /// Whether the run ends before its time: stopped by its observer, or since a threshold is passed already.
    pub(super) fn is_cut_short(&mut self, gathered: impl Fn() -> Gathered) -> bool {
        if self.outcome.cut_short.is_none() && self.observer.is_stopped() {
            self.outcome.cut_short = Some(Outcome::INTERRUPTED.to_owned());
        }
        let thresholds = &self.scenario.thresholds;
        if self.outcome.cut_short.is_none() && thresholds.abort_after.is_some() {
            self.gathered(gathered());
            if let Some(passed) = thresholds::passed_early(thresholds, &self.outcome) {
                let told = format!("{}: {}, measured {}", passed.threshold, passed.limit, passed.measured);
                self.outcome.cut_short = Some(told);
            }
        }
        self.outcome.cut_short.is_some()
    }

    /// The outcome, with what the pools did.
    pub(super) async fn finished(mut self) -> Outcome {
        if let Some(watch) = &mut self.watch {
            self.outcome.scaling = watch.scaling().await;
        }
        self.outcome
    }
}
