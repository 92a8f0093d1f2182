//! Traces that nobody has tuned for: composed from a seed.
//!
//! An hour for the default pool, scaled to another one. A first level of 5 to 300 records per second (evenly
//! in the logarithm) holds for two minutes; then follow, until the time is full, by chance and equally often,
//! and each for 4 to 10 minutes: another level; a ramp to another level, and that level; a burst of 2 to 10
//! times the level for 5 to 60 s; a batch worth 10 to 60 s of the level within one second; a silence of 20 s to
//! 3 minutes. No rate is above 1,200. The noise is Poisson, and in every other seed rough by up to 30 %.

use super::{
    Trace,
    generator::Generator,
    trace::{Noise, Shape, factor},
};
use crate::simulation::PoolModel;

const SECONDS: usize = 3_600;
const HIGHEST: f64 = 1_200.0;

/// The trace of a seed.
pub fn random(model: &PoolModel, seed: u64) -> Trace {
    let mut generator = Generator::new(seed ^ 0xCA0D_A15E_ED00_0000);
    let mut level = any_level(&mut generator);
    let mut shape = Shape::default().hold(level, 120);
    while shape.seconds() < SECONDS {
        (shape, level) = segment(shape, level, &mut generator);
    }
    let roughness = if seed % 2 == 1 { generator.between(0.0, 0.3) } else { 0.0 };
    shape.cut(SECONDS).scaled(factor(model)).trace(&format!("random-{seed}"), Noise { roughness }, seed)
}

fn any_level(generator: &mut Generator) -> f64 {
    generator.between(5.0_f64.ln(), 300.0_f64.ln()).exp()
}

fn segment(shape: Shape, level: f64, generator: &mut Generator) -> (Shape, f64) {
    let long = generator.between(240.0, 600.0) as usize;
    match generator.below(5) {
        0 => {
            let next = any_level(generator);
            (shape.hold(next, long), next)
        }
        1 => {
            let next = any_level(generator);
            (shape.ramp(next, long / 2).hold(next, long / 2), next)
        }
        2 => {
            let height = (level * generator.between(2.0, 10.0)).min(HIGHEST);
            let burst = shape.hold(height, generator.between(5.0, 60.0) as usize);
            (burst.hold(level, long), level)
        }
        3 => {
            let records = level * generator.between(10.0, 60.0);
            (shape.batch(records as u64, level).hold(level, long), level)
        }
        _ => {
            let quiet = shape.hold(0.0, generator.between(20.0, 180.0) as usize);
            (quiet.hold(level, long), level)
        }
    }
}
