//! Random bytes as the text of a field: six bits of chance in each byte, for JSON holds no more without escapes.

use super::json::Object;
use crate::load::scenario::Sizes;
use rand::{Rng, RngCore, rngs::SmallRng};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Random and plain stretches follow one another in pieces of this many bytes.
const PIECE: usize = 256;
/// What is around the text: `,"data":""` and the closing brace.
const FRAME: usize = 11;

/// Fills up the record, which began at `begin`, to a length that is drawn from `size`. A record is never shorter
/// than its other fields need.
pub(super) fn write(object: &mut Object<'_>, begin: usize, size: Sizes, entropy: f64, random: &mut SmallRng) {
    let length = length(size, random);
    let taken = object.reached() - begin + FRAME;
    let length = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(taken);
    object.write("data", |out| {
        out.push(b'"');
        let text = out.len();
        out.resize(text + length, b'.');
        let chance = (PIECE as f64 * entropy.clamp(0.0, 1.0)).round() as usize;
        let body = out.get_mut(text..).unwrap_or_default();
        for piece in body.chunks_mut(PIECE) {
            let random_part = chance.min(piece.len());
            let part = piece.get_mut(..random_part).unwrap_or_default();
            random.fill_bytes(part);
            for byte in part {
                *byte = LETTERS.get(usize::from(*byte & 63)).copied().unwrap_or(b'.');
            }
        }
        out.push(b'"');
    });
}

/// A length in bytes.
fn length(size: Sizes, random: &mut SmallRng) -> u64 {
    match size {
        Sizes::Fixed { bytes } => bytes.0,
        Sizes::Uniform { min, max } => random.random_range(min.0..=max.0.max(min.0)),
        Sizes::LogUniform { min, max } => {
            let (shortest, longest) = (min.0.max(1) as f64, max.0.max(min.0).max(1) as f64);
            let drawn = shortest * (longest / shortest).powf(random.random::<f64>());
            (drawn.round() as u64).clamp(min.0, max.0.max(min.0))
        }
        Sizes::Exponential { mean, max } => {
            let even: f64 = random.random();
            let drawn = -(1.0 - even).ln() * mean.0 as f64;
            (drawn as u64).clamp(1, max.0.max(1))
        }
    }
}
