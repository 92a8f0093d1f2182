//! How records arrive.

use crate::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A stretch of the run.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its name, in reports and for faults.
    pub name: String,
    /// How long it takes. A recorded trace takes its own time when it is left out.
    #[serde(default, rename = "for")]
    pub length: Option<Span>,
    /// Records per second by a plan, whatever the answers take (the open model), or as fast as answers
    /// come (the closed one).
    pub arrival: Arrival,
    /// Times between records: even, or by chance (Poisson). Default even.
    #[serde(default)]
    pub spacing: Trickle,
}

/// Records per second over a stage.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "snake_case")]
pub enum Arrival {
    /// Always the same.
    Constant {
        /// Records per second.
        rate: f64,
    },
    /// In a straight line.
    Ramp {
        /// Records per second at the begin.
        from: f64,
        /// Records per second at the end.
        to: f64,
    },
    /// In equal steps.
    Stairs {
        /// Records per second of the first step.
        from: f64,
        /// Records per second of the last step.
        to: f64,
        /// How many there are.
        steps: u32,
    },
    /// A peak within a stage.
    Spike {
        /// Records per second before and after it.
        base: f64,
        /// Records per second in it.
        peak: f64,
        /// When it begins, since the stage did.
        after: Span,
        /// How long it takes.
        lasting: Span,
    },
    /// A recorded trace.
    Trace {
        /// As `caudal simulate --trace` reads it; beside the scenario's file.
        file: PathBuf,
        /// What its rates are multiplied by. Default 1.
        #[serde(default = "unscaled")]
        scale: f64,
    },
    /// The closed model: each connection sends its next request when the last one is answered.
    Closed {},
    /// Nothing is sent.
    Pause {},
}

fn unscaled() -> f64 {
    1.0
}

/// Times between records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trickle {
    /// All alike.
    #[default]
    Even,
    /// By chance, as independent senders have them.
    Poisson,
}
