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
        /// Partition keys. Default 1,000, evenly.
        #[serde(default)]
        keys: Keys,
    },
    /// Page views of visitors of a shop.
    Clickstream {
        /// Partition keys. Default 1,000, evenly.
        #[serde(default)]
        keys: Keys,
    },
    /// Orders with lines.
    Orders {
        /// Partition keys. Default 1,000, evenly.
        #[serde(default)]
        keys: Keys,
    },
    /// Purchases of tickets, few events and many buyers.
    Purchases {
        /// Partition keys. Default 1,000, evenly.
        #[serde(default)]
        keys: Keys,
    },
    /// Random bytes as letters in a field of a JSON object, with six bits of chance in each.
    Bytes {
        /// Partition keys. Default 1,000, evenly.
        #[serde(default)]
        keys: Keys,
        /// Lengths of whole records.
        size: Sizes,
        /// Share of them that is random, 0 to 1; the rest is one letter over and over. Default 1.
        #[serde(default = "incompressible")]
        entropy: f64,
    },
    /// Lines of a file, over and over: JSON objects.
    File {
        /// Partition keys. Default 1,000, evenly.
        #[serde(default)]
        keys: Keys,
        /// Beside the scenario's file.
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
    /// Each as often as any other.
    Uniform {
        /// How many there are.
        count: u32,
    },
    /// The k-th key is drawn with a weight of k to the power of -`exponent`.
    Zipf {
        /// How many there are.
        count: u32,
        /// How unlike they are: 0 is even, 1 is usual.
        exponent: f64,
    },
    /// One key has a share of its own, the others share the rest evenly.
    Hot {
        /// How many there are.
        count: u32,
        /// The share of the one, 0 to 1.
        share: f64,
    },
}

impl Records {
    /// Their partition keys.
    pub fn keys(&self) -> &Keys {
        match self {
            Self::Trips { keys }
            | Self::Clickstream { keys }
            | Self::Orders { keys }
            | Self::Purchases { keys }
            | Self::Bytes { keys, .. }
            | Self::File { keys, .. } => keys,
        }
    }
}

impl Keys {
    /// How many there are.
    pub fn count(&self) -> u32 {
        match self {
            Self::Uniform { count } | Self::Zipf { count, .. } | Self::Hot { count, .. } => *count,
        }
    }
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
    /// All alike.
    Fixed {
        /// The length.
        bytes: ByteSize,
    },
    /// Each length as often as any other.
    Uniform {
        /// The shortest.
        min: ByteSize,
        /// The longest.
        max: ByteSize,
    },
    /// Each power of two between them as often as any other.
    LogUniform {
        /// The shortest.
        min: ByteSize,
        /// The longest.
        max: ByteSize,
    },
    /// Many short ones, few long ones.
    Exponential {
        /// The mean.
        mean: ByteSize,
        /// The longest.
        max: ByteSize,
    },
}
