//! What is sent.

use crate::units::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// The records of a run: seeded, each with its producer and number.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "snake_case")]
pub enum Records {
    /// Trips of Madrid's public bicycles.
    Trips {
        #[serde(default)]
        keys: Keys,
    },
    /// Page views of visitors of a shop.
    Clickstream {
        #[serde(default)]
        keys: Keys,
    },
    /// Orders with lines.
    Orders {
        #[serde(default)]
        keys: Keys,
    },
    /// Purchases of tickets, few events and many buyers.
    Purchases {
        #[serde(default)]
        keys: Keys,
    },
    /// Random bytes, in a JSON value where the target takes JSON only.
    Bytes {
        #[serde(default)]
        keys: Keys,
        size: Sizes,
        /// 1 cannot be compressed, 0 is one byte over and over. Default 1.
        #[serde(default = "incompressible")]
        entropy: f64,
    },
    /// Lines of a file, over and over: JSON objects.
    File {
        #[serde(default)]
        keys: Keys,
        path: PathBuf,
    },
}

fn incompressible() -> f64 {
    1.0
}

/// Partition keys (message groups of a FIFO queue).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "distribution", deny_unknown_fields, rename_all = "snake_case")]
pub enum Keys {
    Uniform {
        count: u32,
    },
    /// The k-th key is drawn with a weight of k to the power of -`exponent`.
    Zipf {
        count: u32,
        exponent: f64,
    },
    /// One key has this share of all records (0 to 1), the others share the rest evenly.
    Hot {
        count: u32,
        share: f64,
    },
}

impl Default for Keys {
    fn default() -> Self {
        Self::Uniform { count: 1_000 }
    }
}

/// Lengths of random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "distribution", deny_unknown_fields, rename_all = "snake_case")]
pub enum Sizes {
    Fixed {
        bytes: ByteSize,
    },
    Uniform {
        min: ByteSize,
        max: ByteSize,
    },
    /// Many short ones, few long ones, none above `max`.
    Exponential {
        mean: ByteSize,
        max: ByteSize,
    },
}
