//! The traces that everything is judged by.
//!
//! | name | seconds | load, records per second | noise |
//! |---|---|---|---|
//! | `step10x` | 3,600 | 40; 400 from 1,500 s to 2,100 s; 40 | counting |
//! | `constant-noisy` | 3,600 | 300 | rough, 25 % |
//! | `batch30k` | 1,200 | 10; at 300 s 30,000 more within one second | counting |
//! | `capped-sink` | 1,800 | 100; 300 from 600 s to 900 s; 100; the sink takes 200 | counting |
//! | `ramp8x` | 3,600 | 50 to 300 s; up to 400 at 900 s; 400 to 1,500 s; down to 50 at 2,100 s; 50 | counting |
//! | `random-bursts` | 3,600 | 50; bursts of 3 to 12 times as much, 10 to 60 s long, after gaps of 6 minutes in the mean | counting |
//! | `square60s` | 3,600 | 400 and 40 by turns, 60 s each | counting |
//! | `diurnal` | 86,400 | 40 at 04:00, 600 at 16:00, a raised cosine between | rough, 10 % |
//!
//! Counting noise is Poisson; rough noise is Poisson about a rate that itself is normal from second to second,
//! with the given standard deviation. The numbers come from [SplitMix64](super::generator) with the seed of
//! the trace: its place in the table, from 1, exclusive-or the seed asked for (0 unless told).
//!
//! A load of 10 keeps one worker of the default pool busy, which has at most 200. For another pool all rates
//! (also the sink's) are multiplied so that the load is the same share of its greatest capacity.

use super::{
    Trace,
    generator::Generator,
    trace::{Noise, Shape, factor},
};
use crate::simulation::PoolModel;

/// All named traces, in the order of the table.
pub const NAMES: [&str; 8] = [
    "step10x",
    "constant-noisy",
    "batch30k",
    "capped-sink",
    "ramp8x",
    "random-bursts",
    "square60s",
    "diurnal",
];

/// The named trace for a pool; none of that name: nothing.
pub fn named(name: &str, model: &PoolModel, seed: u64) -> Option<Trace> {
    let place = NAMES.iter().position(|known| *known == name)? as u64 + 1;
    let seed = place ^ seed;
    let factor = factor(model);
    let (shape, noise) = shape(name, seed)?;
    let mut trace = shape.scaled(factor).trace(name, noise, seed);
    trace.sink_limit = (name == "capped-sink").then_some(200.0 * factor);
    Some(trace)
}

fn shape(name: &str, seed: u64) -> Option<(Shape, Noise)> {
    let empty = Shape::default;
    Some(match name {
        "step10x" => (empty().hold(40.0, 1_500).hold(400.0, 600).hold(40.0, 1_500), Noise::COUNTING),
        "constant-noisy" => (empty().hold(300.0, 3_600), Noise { roughness: 0.25 }),
        "batch30k" => (empty().hold(10.0, 300).batch(30_000, 10.0).hold(10.0, 899), Noise::COUNTING),
        "capped-sink" => (empty().hold(100.0, 600).hold(300.0, 300).hold(100.0, 900), Noise::COUNTING),
        "ramp8x" => {
            let up = empty().hold(50.0, 300).ramp(400.0, 600).hold(400.0, 600);
            (up.ramp(50.0, 600).hold(50.0, 1_500), Noise::COUNTING)
        }
        "random-bursts" => (random_bursts(seed), Noise::COUNTING),
        "square60s" => {
            let wave = |shape: Shape, _| shape.hold(400.0, 60).hold(40.0, 60);
            ((0..30).fold(empty(), wave), Noise::COUNTING)
        }
        "diurnal" => (diurnal(), Noise { roughness: 0.10 }),
        _ => return None,
    })
}

fn random_bursts(seed: u64) -> Shape {
    let mut generator = Generator::new(!seed);
    let mut shape = Shape::default().hold(50.0, 60);
    while shape.seconds() < 3_600 {
        let left = 3_600 - shape.seconds();
        shape = shape.hold(50.0, left.min(1 + generator.exponential(360.0) as usize));
        let left = 3_600 - shape.seconds();
        let rate = 50.0 * generator.between(3.0, 12.0);
        shape = shape.hold(rate, left.min(generator.between(10.0, 60.0) as usize));
    }
    shape
}

/// A day that begins at midnight.
fn diurnal() -> Shape {
    let day = 86_400_usize;
    let rate = |second: usize| {
        let since_four = (second as f64 / 3_600.0 - 4.0) / 24.0;
        40.0 + 560.0 * 0.5 * (1.0 - (std::f64::consts::TAU * since_four).cos())
    };
    (0..day).fold(Shape::default(), |shape, second| shape.hold(rate(second), 1))
}
