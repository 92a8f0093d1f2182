//! How records arrive.

use crate::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A stretch of the run.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
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
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Arrival {
    Constant {
        rate: f64,
    },
    /// In a straight line.
    Ramp {
        from: f64,
        to: f64,
    },
    /// In so many equal steps, the last at `to`.
    Stairs {
        from: f64,
        to: f64,
        steps: u32,
    },
    /// `base`, and `peak` from `after` on for so long.
    Spike {
        base: f64,
        peak: f64,
        after: Span,
        lasting: Span,
    },
    /// A recorded trace, as `caudal simulate --trace` reads it; rates are multiplied by `scale` (default 1).
    Trace {
        file: PathBuf,
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
    #[default]
    Even,
    Poisson,
}
