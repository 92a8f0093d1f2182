//! Logs: readable lines on a terminal, JSON elsewhere when asked for.

use serde::{Deserialize, Serialize};
use std::{fmt, io::IsTerminal, str::FromStr};
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Libraries that say much below `warn` that is of no use to whoever runs the daemon. A filter
/// that names one of them has the last word.
const QUIET: [&str; 16] = [
    "actix_http",
    "actix_server",
    "aws_config",
    "aws_smithy_runtime",
    "buoyant_kernel",
    "datafusion",
    "deltalake_core",
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "object_store",
    "parquet",
    "reqwest",
    "rustls",
    "sqlparser",
];

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Time, level, message, fields; in colour on a terminal.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(
        "log filter {filter:?}: {source}; write a level such as \"info\" or \"info,caudal::storage=debug\""
    )]
    Filter { filter: String, source: tracing_subscriber::filter::ParseError },
    #[error("log format {0:?} is not \"pretty\" or \"json\"")]
    Format(String),
    #[error("logs are set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(LogError::Format(text.to_owned())),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        })
    }
}

/// The time of day in UTC, to the millisecond: a terminal shows today.
struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{}", jiff::Timestamp::now().strftime("%H:%M:%S%.3f"))
    }
}

/// The full time in UTC, for machines.
struct Timestamp;

impl FormatTime for Timestamp {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{:.3}", jiff::Timestamp::now())
    }
}

/// The filter with the libraries' chatter held down.
fn filter(wanted: &str) -> Result<EnvFilter, LogError> {
    let quiet = QUIET.map(|library| format!("{library}=warn")).join(",");
    EnvFilter::builder()
        .parse(format!("{quiet},{wanted}"))
        .map_err(|source| LogError::Filter { filter: wanted.to_owned(), source })
}

/// Sends logs to standard error from now on. `filter` is written as for `RUST_LOG`.
///
/// # Errors
/// A filter that cannot be read, or logs that are set up already.
pub fn start(format: LogFormat, wanted: &str) -> Result<(), LogError> {
    let registry = tracing_subscriber::registry().with(filter(wanted)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            let json = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            registry.with(json.with_timer(Timestamp)).try_init()?;
        }
        LogFormat::Pretty => {
            let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let pretty = lines.with_ansi(is_coloured).with_target(false).with_timer(TimeOfDay);
            registry.with(pretty).try_init()?;
        }
    }
    Ok(())
}

/// Logs every panic as an error, with its place, before the task that panicked is reaped.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        let thread = std::thread::current();
        tracing::error!(panic = message, place, thread = thread.name().unwrap_or("unnamed"), "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_held_to_warnings_unless_the_filter_names_them() {
        let calm = filter("debug").unwrap().to_string();
        assert!(calm.contains("datafusion=warn") && calm.contains("debug"), "{calm}");
        let named = filter("info,datafusion=trace").unwrap().to_string();
        assert!(named.contains("datafusion=trace") && !named.contains("datafusion=warn"), "{named}");
    }

    #[test]
    fn a_bad_filter_or_format_is_refused_with_the_remedy() {
        let fault = filter("info,caudal=loud").unwrap_err().to_string();
        assert!(fault.contains("caudal=loud") && fault.contains("\"info\""), "{fault}");
        assert!("xml".parse::<LogFormat>().unwrap_err().to_string().contains("json"));
    }
}
