//! Drawing by weight in constant time (alias method; M. D. Vose, "A Linear Algorithm for Generating Random
//! Numbers with a Given Distribution", 1991).

use rand::{Rng, rngs::SmallRng};

/// Numbers from 0 with weights.
#[derive(Debug, Clone)]
pub(super) struct Lots(Vec<Lot>);

/// A slot is drawn evenly; it stands for itself with its `share`, else for the other.
#[derive(Debug, Clone, Copy)]
struct Lot {
    share: f64,
    other: u32,
}

impl Lots {
    /// Weights must not be negative, nor all 0.
    pub(super) fn new(weights: &[f64]) -> Self {
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        let mut lots: Vec<Lot> =
            weights.iter().map(|weight| Lot { share: weight * scale, other: 0 }).collect();
        let numbered = |(at, lot): (usize, &Lot)| (u32::try_from(at).unwrap_or(u32::MAX), lot.share);
        let (mut small, mut large): (Vec<_>, Vec<_>) =
            lots.iter().enumerate().map(numbered).partition(|(_, share)| *share < 1.0);
        while let (Some((poor, share)), Some((rich, plenty))) = (small.pop(), large.pop()) {
            if let Some(lot) = lots.get_mut(poor as usize) {
                *lot = Lot { share, other: rich };
            }
            let left = plenty + share - 1.0;
            if left < 1.0 { small.push((rich, left)) } else { large.push((rich, left)) }
        }
        // What is left over is 1 but for rounding.
        for (whole, _) in small.into_iter().chain(large) {
            if let Some(lot) = lots.get_mut(whole as usize) {
                *lot = Lot { share: 1.0, other: whole };
            }
        }
        Self(lots)
    }

    pub(super) fn draw(&self, random: &mut SmallRng) -> u32 {
        let slot = random.random_range(0..u32::try_from(self.0.len()).unwrap_or(u32::MAX).max(1));
        match self.0.get(slot as usize) {
            Some(lot) if random.random::<f64>() >= lot.share => lot.other,
            _ => slot,
        }
    }
}
