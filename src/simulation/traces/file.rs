//! Recorded traces: a table of comma-separated values, or a range out of Prometheus.
//!
//! A table has two columns, a time and a number, and may have a header that names them:
//!
//! - `second,arrivals`: records that arrived within that second, counted from 0 (or from the first row, when
//!   that is a date); seconds that are left out had none. This is how a table without a header is read.
//! - `timestamp,rate`: records per second from that time on, until the next row; the last row counts for as
//!   long as the one before it. Times are seconds since the epoch, or RFC 3339 such as `2026-01-05T08:00:00Z`.
//!
//! The time column may be called second, seconds, time, timestamp or t, the other arrivals, records, count,
//! rate, or value (a rate). Empty lines and lines that begin with `#` are passed over. A file that ends in
//! `.json` is read as [a Prometheus range](super::prometheus).

use super::{Trace, prometheus, smooth::smooth};
use std::path::{Path, PathBuf};

/// Longest trace, seconds: a week.
pub(super) const LONGEST: f64 = 7.0 * 86_400.0;
/// Most records in one second.
pub(super) const MOST: f64 = 1e9;

/// Why a trace cannot be used. The caller pays: nothing was rehearsed.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("{file}: {cause}; name a readable file or a named trace ({})", super::NAMES.join(", "), file = .file.display())]
    Unreadable { file: PathBuf, cause: std::io::Error },
    #[error("{file}:{line}: {message}", file = .file.display())]
    Line { file: PathBuf, line: usize, message: String },
    #[error("{file}: {message}", file = .file.display())]
    Content { file: PathBuf, message: String },
}

/// A number that held, or arrived, for some seconds from a time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    /// Seconds from the first row.
    pub from: f64,
    pub seconds: f64,
    pub records_per_second: f64,
}

/// Reads a trace file.
///
/// # Errors
/// [`TraceError`], with the line of the first fault.
pub fn read(file: &Path) -> Result<Trace, TraceError> {
    let unreadable = |cause| TraceError::Unreadable { file: file.to_owned(), cause };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let stretches = if is_json {
        prometheus::stretches(&text)
            .map_err(|message| TraceError::Content { file: file.to_owned(), message })?
    } else {
        table(&text).map_err(|(line, message)| TraceError::Line { file: file.to_owned(), line, message })?
    };
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let arrivals = by_second(&stretches);
    if arrivals.is_empty() {
        let message = "has no rows; write them as `second,arrivals`".to_owned();
        return Err(TraceError::Content { file: file.to_owned(), message });
    }
    Ok(Trace { name, expected: smooth(&arrivals), arrivals, sink_limit: None })
}

/// Whole records for each second; what is left of a record goes on to the next.
fn by_second(stretches: &[Stretch]) -> Vec<u64> {
    let end = stretches.iter().map(|stretch| stretch.from + stretch.seconds).fold(0.0, f64::max);
    let mut sums = vec![0.0; (end - 1e-9).ceil().max(0.0) as usize];
    for stretch in stretches {
        let end = stretch.from + stretch.seconds;
        let mut at = stretch.from;
        while at < end - 1e-9 {
            let second = (at + 1e-9).floor();
            let next = (second + 1.0).min(end);
            if let Some(sum) = sums.get_mut(second as usize) {
                *sum += stretch.records_per_second * (next - at);
            }
            at = next;
        }
    }
    let mut left = 0.0;
    let whole = |sum: &f64| {
        left += sum;
        let records = (left + 1e-6_f64).floor();
        left -= records;
        records as u64
    };
    sums.iter().map(whole).collect()
}

/// What the numbers of a table are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meaning {
    Arrivals,
    Rate,
}

type AtLine<T> = Result<T, (usize, String)>;

fn table(text: &str) -> AtLine<Vec<Stretch>> {
    let rows = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let mut rows = rows.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
    let header = rows.peek().and_then(|(_, line)| header(line));
    let (time_at, value_at, meaning) = header.unwrap_or((0, 1, Meaning::Arrivals));
    if header.is_some() {
        rows.next();
    }
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut first = None;
    for (line, row) in rows {
        let fields: Vec<&str> = row.split(',').map(str::trim).collect();
        let (Some(time), Some(value)) = (fields.get(time_at), fields.get(value_at)) else {
            return Err((line, format!("{row:?} has no two columns; write `second,arrivals`")));
        };
        let (time, value) =
            (moment(time).map_err(|why| (line, why))?, number(value).map_err(|why| (line, why))?);
        let is_counted_from_0 = meaning == Meaning::Arrivals && time < LONGEST;
        let at = time - *first.get_or_insert(if is_counted_from_0 { 0.0 } else { time });
        if let Some((before, _)) = points.last().filter(|(before, _)| *before >= at) {
            let message =
                format!("{at} s does not come after {before} s of the row before; sort the rows by time");
            return Err((line, message));
        }
        if !(0.0..LONGEST).contains(&at) {
            return Err((line, format!("{at} s is not within a week from the start; cut the trace")));
        }
        points.push((at, value));
    }
    Ok(stretches(&points, meaning))
}

fn stretches(points: &[(f64, f64)], meaning: Meaning) -> Vec<Stretch> {
    if meaning == Meaning::Arrivals {
        let stretch =
            |(at, value): &(f64, f64)| Stretch { from: *at, seconds: 1.0, records_per_second: *value };
        return points.iter().map(stretch).collect();
    }
    held(points)
}

/// Each number holds until the next; the last as long as the one before it, or a second.
pub(super) fn held(points: &[(f64, f64)]) -> Vec<Stretch> {
    let mut seconds: Vec<f64> =
        points.iter().zip(points.iter().skip(1)).map(|(this, next)| next.0 - this.0).collect();
    seconds.push(seconds.last().copied().unwrap_or(1.0));
    let stretch = |((from, value), seconds): (&(f64, f64), f64)| Stretch {
        from: *from,
        seconds,
        records_per_second: *value,
    };
    points.iter().zip(seconds).map(stretch).collect()
}

/// Places of time and number, and what the number is, when a line is a header.
fn header(line: &str) -> Option<(usize, usize, Meaning)> {
    let names: Vec<String> =
        line.split(',').map(|name| name.trim().trim_matches('"').to_ascii_lowercase()).collect();
    let place = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    let time = place(&["second", "seconds", "time", "timestamp", "t"])?;
    let arrivals = place(&["arrivals", "records", "count"]).map(|at| (at, Meaning::Arrivals));
    let (value, meaning) = arrivals.or_else(|| place(&["rate", "value"]).map(|at| (at, Meaning::Rate)))?;
    Some((time, value, meaning))
}

fn moment(text: &str) -> Result<f64, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.is_finite()
    {
        return Ok(seconds);
    }
    let stamp: Result<jiff::Timestamp, _> = text.parse();
    stamp
        .map(|stamp| stamp.as_millisecond() as f64 / 1e3)
        .map_err(|_| format!("{text:?} is no time; write seconds such as 12, or 2026-01-05T08:00:00Z"))
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=MOST).contains(number));
    number.ok_or_else(|| format!("{text:?} is no number of records; write one from 0 to 1e9"))
}
