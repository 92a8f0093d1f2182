//! Records of a run, each a bit.

/// A set of records by producer and number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(Vec<Vec<u64>>);

impl Marks {
    pub fn mark(&mut self, producer: usize, number: u64) {
        if self.0.len() <= producer {
            self.0.resize_with(producer + 1, Vec::new);
        }
        let (Some(words), Ok(word)) = (self.0.get_mut(producer), usize::try_from(number / 64)) else {
            return;
        };
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        if let Some(bits) = words.get_mut(word) {
            *bits |= 1 << (number % 64);
        }
    }

    /// Takes over what another set has.
    pub fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize_with(other.0.len(), Vec::new);
        }
        for (own, others) in self.0.iter_mut().zip(&other.0) {
            if own.len() < others.len() {
                own.resize(others.len(), 0);
            }
            own.iter_mut().zip(others).for_each(|(own, other)| *own |= other);
        }
    }

    pub fn count(&self) -> u64 {
        self.0.iter().flatten().map(|bits| u64::from(bits.count_ones())).sum()
    }
}
