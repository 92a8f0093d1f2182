//! Caudal next to its limits, in one run on one machine, as ratios.
//!
//! `cargo bench --bench limits` runs all; a word picks one: `append`, `ingest`, `recovery`, `idle`,
//! `control`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench that cannot measure stops"
)]

mod append;
mod control;
mod daemon;
mod ingest;
mod recovery;

/// Median of an odd or even number of measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints one line: ours, the limit, and the ratio of medians with its range over the rounds. Without a
/// target it is told for what it is.
fn report(what: &str, unit: &str, ours: &[f64], limit: &[f64], target: Option<f64>) {
    let ratios: Vec<f64> = ours.iter().zip(limit).map(|(ours, limit)| ours / limit).collect();
    let ratio = median(ratios.clone());
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let verdict = match target {
        Some(target) if ratio >= target => format!("target {target:.2}: met"),
        Some(target) => format!("target {target:.2}: short"),
        None => "no target".to_owned(),
    };
    println!(
        "{what}: {:.0} {unit} against {:.0} {unit} at the limit: ratio {ratio:.2} ({least:.2} to {most:.2}), {verdict}",
        median(ours.to_vec()),
        median(limit.to_vec()),
    );
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.first().map(String::as_str) {
        Some("serve-nothing") => return ingest::serve_nothing(),
        Some("fill") => return recovery::fill(std::path::Path::new(&words[1])),
        _ => {}
    }
    let asked = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    if asked("append") {
        append::measure();
    }
    if asked("ingest") {
        ingest::measure();
    }
    if asked("recovery") {
        recovery::measure();
    }
    if asked("idle") {
        daemon::idle_memory();
    }
    if asked("control") {
        control::measure();
    }
}
