//! What `caudal load` is given.

use crate::units::Span;
use std::path::PathBuf;

/// Arguments of `caudal load`.
#[derive(Debug, Clone, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["scenario", "compare"])))]
pub struct LoadArguments {
    /// The scenario file (.toml, .yaml or .yml)
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<PathBuf>,
    /// The topology of the daemon that is started, instead of the scenario's
    #[arg(long, value_name = "FILE")]
    pub topology: Option<PathBuf>,
    /// The data folder of that daemon, which is kept [default: one for the run, removed after it]; with --url
    /// that of the daemon there, to prove from
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Drive what runs at this URL instead, and start nothing
    #[arg(long, value_name = "URL", conflicts_with = "topology")]
    pub url: Option<String>,
    /// Other random numbers than the scenario's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Also write a page with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Also write everything that was measured, to be compared later
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also write a table with a line for each second
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Multiply the lengths of stages and faults by this; rates stay [default: 1]
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub short: Option<f64>,
    /// Multiply the rates of stages by this; times stay [default: 1]
    #[arg(long, value_name = "FACTOR", value_parser = faster)]
    pub rates: Option<f64>,
    /// Judge losses, duplicates, order and refusals stored, not speed: for a machine that has other work beside
    /// it, such as CI
    #[arg(long, conflicts_with = "find_max")]
    pub proof_only: bool,
    /// Compare what --json wrote of two runs; exit 1 when the second is worse
    #[arg(
        long,
        num_args = 2,
        value_names = ["A.json", "B.json"],
        conflicts_with_all = [
            "topology", "data", "url", "seed", "html", "json", "csv", "short", "rates", "proof_only",
            "find_max", "trial", "trials"
        ]
    )]
    pub compare: Vec<PathBuf>,
    /// By how many percent the second run may be worse [default: 10]
    #[arg(long, value_name = "PERCENT", requires = "compare", conflicts_with = "scenario", value_parser = percent)]
    pub tolerance: Option<f64>,
    /// Search the highest rate that keeps the thresholds, in trials of one rate each
    #[arg(long, conflicts_with_all = ["short", "rates"])]
    pub find_max: bool,
    /// Length of a trial [default: 15s]
    #[arg(long, value_name = "TIME", requires = "find_max")]
    pub trial: Option<Span>,
    /// Trials at most [default: 12]
    #[arg(long, value_name = "N", requires = "find_max", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub trials: Option<u32>,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| *factor > 0.0 && *factor <= 1.0);
    factor.ok_or_else(|| "write a factor above 0 and up to 1, such as 0.1".to_owned())
}

fn faster(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| *factor > 0.0 && *factor <= 1_000.0);
    factor.ok_or_else(|| "write a factor above 0 and up to 1000, such as 0.7 or 4".to_owned())
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent: &f64| (0.0..=1_000.0).contains(percent));
    percent.ok_or_else(|| "write percent from 0 to 1000, such as 10".to_owned())
}
