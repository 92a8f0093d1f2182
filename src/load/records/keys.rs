//! Partition keys: drawn from all, or from those of one producer.

use super::{json::digits, lots::Lots};
use crate::load::scenario::Keys;
use rand::{Rng, rngs::SmallRng};

/// A key belongs to one producer, so that its records are sent in order. As text: `PRODUCER-INDEX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub producer: u32,
    /// The producer's own number of it, from 0.
    pub index: u32,
}

pub fn write_key(key: Key, out: &mut Vec<u8>) {
    digits(u64::from(key.producer), out);
    out.push(b'-');
    digits(u64::from(key.index), out);
}

/// Draws keys out of all, by their weights. Key k of the distribution, from 0, is producer k modulo the number
/// of producers: the heaviest belong to different ones.
#[derive(Debug, Clone)]
pub struct KeyLots {
    producers: u32,
    drawing: Drawing,
}

/// Draws a producer's own keys, by the same weights.
#[derive(Debug, Clone)]
pub struct OwnKeys {
    drawing: Drawing,
}

#[derive(Debug, Clone)]
enum Drawing {
    Uniform {
        count: u32,
    },
    Weighted(Lots),
    /// The first has this share, the others the rest.
    Hot {
        count: u32,
        share: f64,
    },
}

impl Drawing {
    fn draw(&self, random: &mut SmallRng) -> u32 {
        match self {
            Self::Uniform { count } => random.random_range(0..(*count).max(1)),
            Self::Weighted(lots) => lots.draw(random),
            Self::Hot { count, share } if *count < 2 || random.random::<f64>() < *share => 0,
            Self::Hot { count, .. } => random.random_range(1..*count),
        }
    }
}

impl KeyLots {
    pub fn new(keys: &Keys, producers: u32) -> Self {
        let drawing = match keys {
            Keys::Uniform { count } => Drawing::Uniform { count: *count },
            Keys::Zipf { count, exponent } => Drawing::Weighted(zipf(0, 1, *count, *exponent)),
            Keys::Hot { count, share } => Drawing::Hot { count: *count, share: *share },
        };
        Self { producers: producers.max(1), drawing }
    }

    pub fn draw(&self, random: &mut SmallRng) -> Key {
        let key = self.drawing.draw(random);
        Key { producer: key % self.producers, index: key / self.producers }
    }
}

impl OwnKeys {
    pub fn new(keys: &Keys, producer: u32, producers: u32) -> Self {
        let producers = producers.max(1);
        let own = |count: u32| count.saturating_sub(producer).div_ceil(producers);
        let drawing = match keys {
            Keys::Uniform { count } => Drawing::Uniform { count: own(*count) },
            Keys::Zipf { count, exponent } => Drawing::Weighted(zipf(producer, producers, *count, *exponent)),
            Keys::Hot { count, .. } if producer > 0 => Drawing::Uniform { count: own(*count) },
            Keys::Hot { count, share } => {
                let other = (1.0 - share) / f64::from(count.saturating_sub(1).max(1));
                let others = other * f64::from(own(*count).saturating_sub(1));
                Drawing::Hot { count: own(*count), share: share / (share + others) }
            }
        };
        Self { drawing }
    }

    /// The producer's own number of a key.
    pub fn draw(&self, random: &mut SmallRng) -> u32 {
        self.drawing.draw(random)
    }
}

/// Every `step`-th key from `first` on.
fn zipf(first: u32, step: u32, count: u32, exponent: f64) -> Lots {
    let ranks = (first..count).step_by(step as usize).map(|key| f64::from(key) + 1.0);
    let weights: Vec<f64> = ranks.map(|rank| rank.powf(-exponent)).collect();
    Lots::new(&weights)
}
