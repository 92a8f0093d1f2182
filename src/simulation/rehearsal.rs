//! A trace and a pool, with the oracle's plan, against which any sizing is played.

use super::{
    Outcome, PoolModel, Prompt, Sizing,
    oracle::Oracle,
    rivals::rival,
    run::play,
    score::{Judge, Least, Score},
    traces::Trace,
};

/// What is done once for a trace.
#[derive(Debug)]
pub struct Rehearsal {
    trace: Trace,
    model: PoolModel,
    oracle: Oracle,
    prompt: Score,
    patient: Score,
    least: Least,
}

impl Rehearsal {
    /// Makes the oracle's plan. A sink limit of the model goes before that of the trace.
    pub fn new(trace: Trace, model: PoolModel) -> Self {
        let model = PoolModel { sink_limit: model.sink_limit.or(trace.sink_limit), ..model };
        let oracle = Oracle::new(&trace, &model);
        let judge = Judge::new(&trace, &model, &oracle);
        let reached = |mut prompt: Prompt| judge.score(&play(&mut prompt, &trace, &model, None), None);
        let prompt = reached(Prompt::new(&trace, &model));
        let patient = reached(Prompt::patient(&trace, &model));
        let least = judge.least();
        Self { prompt, patient, least, trace, model, oracle }
    }

    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    pub fn model(&self) -> &PoolModel {
        &self.model
    }

    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// The score of [`Prompt`]: what can be had without foresight.
    pub fn prompt(&self) -> &Score {
        &self.prompt
    }

    /// The score of [`Prompt::patient`].
    pub fn patient(&self) -> &Score {
        &self.patient
    }

    /// The ages that nobody could undercut.
    pub fn least(&self) -> &Least {
        &self.least
    }

    /// Plays a sizing through the trace; and anew, when it models that, with a restart half-way.
    pub fn run(&self, make: &dyn Fn() -> Box<dyn Sizing>) -> Outcome {
        self.outcome(make(), make())
    }

    /// Plays one of the compared autoscalers; none of that name: nothing.
    pub fn run_rival(&self, name: &str) -> Option<Outcome> {
        Some(self.outcome(rival(name, &self.model)?, rival(name, &self.model)?))
    }

    fn outcome(&self, mut sizing: Box<dyn Sizing>, mut twin: Box<dyn Sizing>) -> Outcome {
        let run = play(sizing.as_mut(), &self.trace, &self.model, None);
        let half = self.trace.seconds() / 2;
        let restarted = play(twin.as_mut(), &self.trace, &self.model, Some(half));
        let restarted = restarted.was_restarted.then_some((&restarted, half));
        let score = Judge::new(&self.trace, &self.model, &self.oracle).score(&run, restarted);
        Outcome {
            sizing: sizing.name().to_owned(),
            trace: self.trace.name.clone(),
            goal: self.model.goal.as_secs_f64(),
            samples: run.samples,
            score,
            decisions: run.decisions,
        }
    }
}
