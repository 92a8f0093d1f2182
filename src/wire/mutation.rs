//! Inputs as broken and hostile clients send them: samples, changed at random by a seed.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Changed inputs of each reader that one test reads.
pub(crate) const CASES: usize = 10_000;
/// No changed input is longer.
const LONGEST: usize = 64 << 10;

/// Changes samples of one kind of input.
pub(crate) struct Mutator {
    draw: StdRng,
    samples: Vec<Vec<u8>>,
    /// Pieces that mean something to the reader.
    pieces: &'static [&'static [u8]],
}

impl Mutator {
    pub(crate) fn new(seed: u64, samples: Vec<Vec<u8>>, pieces: &'static [&'static [u8]]) -> Self {
        assert!(!samples.is_empty());
        Self { draw: StdRng::seed_from_u64(seed), samples, pieces }
    }

    /// The next input: a sample with a few changes, so that most of them come far into the reader.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut input = self.samples[self.draw.random_range(0..self.samples.len())].clone();
        for _ in 0..self.draw.random_range(1..=6) {
            self.change(&mut input);
            input.truncate(LONGEST);
        }
        input
    }

    fn place(&mut self, input: &[u8]) -> usize {
        self.draw.random_range(0..=input.len())
    }

    fn range(&mut self, input: &[u8]) -> std::ops::Range<usize> {
        let from = self.place(input);
        from..(from + self.draw.random_range(0..=32)).min(input.len())
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input);
        match self.draw.random_range(0..9) {
            0 if at < input.len() => input[at] ^= 1 << self.draw.random_range(0..8),
            1 if at < input.len() => input[at] = self.draw.random(),
            2 => input.truncate(at),
            3 => drop(input.drain(self.range(input))),
            4 => {
                // A part comes again, up to thousands of times.
                let part = input[self.range(input)].to_vec();
                let times = 1 << self.draw.random_range(0..12);
                splice(input, at, &part.repeat(times));
            }
            5 => {
                let other = self.samples[self.draw.random_range(0..self.samples.len())].clone();
                let part = other[self.range(&other)].to_vec();
                splice(input, at, &part);
            }
            6 | 7 if !self.pieces.is_empty() => {
                let piece = self.pieces[self.draw.random_range(0..self.pieces.len())];
                let times = if self.draw.random_bool(0.1) { 200 } else { 1 };
                splice(input, at, &piece.repeat(times));
            }
            _ => {
                let noise: Vec<u8> = (0..self.draw.random_range(1..9)).map(|_| self.draw.random()).collect();
                splice(input, at, &noise);
            }
        }
    }
}

fn splice(input: &mut Vec<u8>, at: usize, part: &[u8]) {
    let part = &part[..part.len().min(LONGEST)];
    input.splice(at..at, part.iter().copied());
}
