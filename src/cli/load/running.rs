//! One run, looked at while it goes on, and ended by a signal.

use crate::{
    error::Failure,
    load::{
        live::Screen,
        outcome::Outcome,
        run::{self, LoadError, Observer, Options, PremisesError, Progress},
        scenario::Scenario,
        thresholds::judge,
    },
};
use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

/// Seconds that may wait to be shown.
const WAITING: usize = 16;

/// What runs scenarios, one after the other.
#[derive(Debug)]
pub struct Driver {
    runtime: Runtime,
}

impl Driver {
    /// # Errors
    /// When no thread can be started.
    pub fn new() -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread().enable_all().build();
        Ok(Self { runtime: runtime.map_err(|error| Failure::fault("starting the runtime", error))? })
    }

    /// Runs a scenario and judges it. The first signal ends its stages, and it is proven and told as far as it
    /// came; the second ends it without a word of what it has shown.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn drive(&self, scenario: &Scenario, options: &Options) -> Result<Outcome, Failure> {
        let mut outcome = self.runtime.block_on(driven(scenario, options))?;
        outcome.verdicts = judge(&scenario.thresholds, &outcome);
        Ok(outcome)
    }

    /// Lets what was driven come to rest.
    pub fn rest(&self, time: Duration) {
        // A clock is made within the runtime only.
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }
}

async fn driven(scenario: &Scenario, options: &Options) -> Result<Outcome, Failure> {
    let mut signals = Signals::new().map_err(|error| Failure::fault("listening for signals", error))?;
    let (sender, progress) = mpsc::channel(WAITING);
    let observer = Observer::new(sender);
    let shown = tokio::spawn(show(progress, scenario.scenario.name.clone()));
    let outcome = {
        let running = run::run(scenario, options, &observer);
        tokio::pin!(running);
        loop {
            tokio::select! {
                ended = &mut running => break ended.map_err(failure),
                () = signals.next() => {
                    if observer.is_stopped() {
                        break Err(Failure::fault("caudal load", "ended at once by a second signal"));
                    }
                    observer.stop();
                }
            }
        }
    };
    drop(observer);
    // It ends with the observer, and has nothing else to say.
    let _ = shown.await;
    outcome
}

async fn show(mut progress: mpsc::Receiver<Progress>, name: String) {
    let error = stderr();
    let is_terminal = error.is_terminal();
    let mut screen = Screen::new(error, is_terminal, &name);
    while let Some(second) = progress.recv().await {
        screen.show(second);
    }
    screen.clear();
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupts: Signal,
    terminations: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let interrupts = signal(SignalKind::interrupt())?;
        Ok(Self { interrupts, terminations: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupts.recv() => {}
            _ = self.terminations.recv() => {}
        }
    }
}

/// What the scenario asks for and cannot be had is its author's; the rest is a fault.
fn failure(error: LoadError) -> Failure {
    match error {
        LoadError::Premises(PremisesError::NoTarget | PremisesError::NoDoor { .. })
        | LoadError::Trace(_)
        | LoadError::Records(_) => Failure::Configuration(error.to_string()),
        error => Failure::fault("caudal load", error),
    }
}
