//! What `caudal simulate` is given.

use crate::{
    simulation::{RIVALS, VARIANTS},
    units::Span,
};
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

/// Arguments of `caudal simulate`.
#[derive(Debug, Clone, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["all", "trace", "seeds"])))]
pub struct SimulateArguments {
    /// Rehearse every named trace with the default pool; exit 1 where a target is missed
    #[arg(long, conflicts_with_all = ["topology", "service", "start", "sink_limit"])]
    pub all: bool,
    /// The topology file; without it a pool of 1 to 200 workers with a goal of 10s is rehearsed
    #[arg(long, value_name = "FILE")]
    pub topology: Option<PathBuf>,
    /// The pool of the topology; may be left out when it has only one
    #[arg(long, value_name = "NODE", requires = "topology")]
    pub pool: Option<String>,
    /// step10x, constant-noisy, batch30k, capped-sink, ramp8x, random-bursts, square60s or diurnal; or a file:
    /// second,arrivals or timestamp,rate, or (.json) a range out of Prometheus
    #[arg(long, value_name = "NAME|FILE")]
    pub trace: Option<String>,
    /// Time that a worker needs for one record
    #[arg(long, value_name = "TIME", default_value = "100ms")]
    pub service: Span,
    /// Time from the order of a worker to its first record
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub start: Span,
    /// Records per second that the workers' target takes at most
    #[arg(long, value_name = "N")]
    pub sink_limit: Option<f64>,
    /// Autoscalers to compare with, by their documented defaults; repeat it or separate them by commas
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(RIVALS.into_iter().chain(VARIANTS))
    )]
    pub versus: Vec<String>,
    /// Also write a page with charts and every decision
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub html: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Other random numbers in the named traces; the first of the random traces
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Rehearse so many random traces; exit 1 where a target is missed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub seeds: Option<u32>,
}
