//! A range out of Prometheus: the answer of `/api/v1/query_range` as it is, a matrix.
//!
//! A series whose metric is named `..._total` is a counter: what it grows by arrived since the point before,
//! and when it falls it began anew from 0. Any other series, such as that of `rate(...)`, is a rate in records
//! per second, which holds until the next point. Series are added up.

use super::file::{LONGEST, MOST, Stretch, held};
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: Metric,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

#[derive(Default, Deserialize)]
struct Metric {
    #[serde(rename = "__name__", default)]
    name: String,
}

const REMEDY: &str = "save the answer of /api/v1/query_range?query=...&start=...&end=...&step=1s";

/// What the series together say, from the earliest point on.
pub(super) fn stretches(text: &str) -> Result<Vec<Stretch>, String> {
    // A vector's points have another form: what is asked first is which of them it is.
    let kind = |text: &str| {
        let answer: serde_json::Value = serde_json::from_str(text).ok()?;
        answer.pointer("/data/resultType")?.as_str().map(str::to_owned)
    };
    if let Some(kind) = kind(text).filter(|kind| kind != "matrix") {
        return Err(format!("is a {kind}, not a matrix: {REMEDY}"));
    }
    let answer: Answer = serde_json::from_str(text)
        .map_err(|error| format!("is no answer of Prometheus ({error}): {REMEDY}"))?;
    let Some(data) = answer.data else {
        return Err(format!("holds no data ({}): {REMEDY}", answer.error.unwrap_or_default()));
    };
    let times = data.result.iter().filter_map(|series| series.values.first()).map(|(at, _)| *at);
    let start = times.fold(f64::INFINITY, f64::min);
    let mut all = Vec::new();
    for (number, series) in data.result.iter().enumerate() {
        let counts = series.metric.name.ends_with("_total");
        let most = if counts { f64::MAX } else { MOST };
        let points = points(series, start, most).map_err(|why| format!("series {}: {why}", number + 1))?;
        all.extend(if counts { growth(&points) } else { held(&points) });
    }
    Ok(all)
}

fn points(series: &Series, start: f64, most: f64) -> Result<Vec<(f64, f64)>, String> {
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(series.values.len());
    for (time, text) in &series.values {
        let at = time - start;
        let value = text.parse::<f64>().ok().filter(|value| (0.0..=most).contains(value));
        let Some(value) = value else {
            return Err(format!("{text:?} at {time} is no number of records; leave such points out"));
        };
        if points.last().is_some_and(|(before, _)| *before >= at) || !(0.0..LONGEST).contains(&at) {
            return Err(format!("the point at {time} is out of order, or more than a week after the first"));
        }
        points.push((at, value));
    }
    Ok(points)
}

fn growth(points: &[(f64, f64)]) -> Vec<Stretch> {
    let grown = |((from, before), (to, after)): (&(f64, f64), &(f64, f64))| {
        let records = if after >= before { after - before } else { *after };
        let seconds = to - from;
        Stretch { from: *from, seconds, records_per_second: (records / seconds).min(MOST) }
    };
    points.iter().zip(points.iter().skip(1)).map(grown).collect()
}
