//! When shards were open, kept so that those of a time are found without a look at the others.
//!
//! A tree of halves over the shards in order of their numbers: each knot tells when the first shard below it
//! was opened and when the last of them is closed. Whoever asks for one passes over every half without any.

use super::DefinedShard;

/// Shards that are asked for by when they were open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenDuring {
    /// Opened then or before, in milliseconds since 1970.
    pub opened_by_ms: i64,
    /// Not closed before then, in milliseconds since 1970.
    pub lasts_until_ms: i64,
}

impl OpenDuring {
    /// Every shard, open or closed.
    pub const EVER: Self = Self { opened_by_ms: i64::MAX, lasts_until_ms: i64::MIN };
    /// Shards that take records now.
    pub const NOW: Self = Self { opened_by_ms: i64::MAX, lasts_until_ms: i64::MAX };

    /// Shards that were open at this time.
    pub fn at(ms: i64) -> Self {
        Self { opened_by_ms: ms, lasts_until_ms: ms }
    }

    /// Shards that were open at this time or opened later.
    pub fn since(ms: i64) -> Self {
        Self { opened_by_ms: i64::MAX, lasts_until_ms: ms }
    }

    fn may_hold(self, life: Life) -> bool {
        life.opened_ms <= self.opened_by_ms && life.closed_ms >= self.lasts_until_ms
    }
}

/// Of a shard, or of all shards below a knot: the first opening and the last closing.
#[derive(Debug, Clone, Copy)]
struct Life {
    opened_ms: i64,
    closed_ms: i64,
}

impl Life {
    /// Of no shard: without effect on a knot above it.
    const NONE: Self = Self { opened_ms: i64::MAX, closed_ms: i64::MIN };

    fn of(shard: &DefinedShard) -> Self {
        Self { opened_ms: shard.opened_at_ms, closed_ms: shard.closed_at_ms.unwrap_or(i64::MAX) }
    }

    fn with(self, other: Self) -> Self {
        Self {
            opened_ms: self.opened_ms.min(other.opened_ms),
            closed_ms: self.closed_ms.max(other.closed_ms),
        }
    }
}

/// The lives of shards, by their places.
#[derive(Debug)]
pub(super) struct Lifetimes {
    /// How many shards there are.
    shards: usize,
    /// The root is at 1, the halves of `n` at `2n` and `2n + 1`; the shards come last.
    knots: Vec<Life>,
}

impl Lifetimes {
    pub(super) fn of<'s>(shards: impl ExactSizeIterator<Item = &'s DefinedShard>) -> Self {
        let count = shards.len();
        let width = count.next_power_of_two();
        let mut knots = vec![Life::NONE; width];
        knots.extend(shards.map(Life::of));
        knots.resize(2 * width, Life::NONE);
        for at in (1..width).rev() {
            let half = |at: usize| knots.get(at).copied().unwrap_or(Life::NONE);
            let whole = half(2 * at).with(half(2 * at + 1));
            if let Some(knot) = knots.get_mut(at) {
                *knot = whole;
            }
        }
        Self { shards: count, knots }
    }

    /// The first place from `from` on whose shard was open then.
    pub(super) fn next(&self, from: usize, wanted: OpenDuring) -> Option<usize> {
        self.first(from, |life| wanted.may_hold(life))
    }

    /// The first place from `from` on for which `may_hold` says yes, as it does for each knot above it.
    fn first(&self, from: usize, mut may_hold: impl FnMut(Life) -> bool) -> Option<usize> {
        if from >= self.shards {
            return None;
        }
        let width = self.knots.len() / 2;
        let mut at = width + from;
        loop {
            if !self.knots.get(at).is_some_and(|life| may_hold(*life)) {
                // On to the right: above the last knot of its row there is nothing more.
                at >>= at.trailing_ones();
                if at == 0 {
                    return None;
                }
                at += 1;
            } else if at < width {
                at *= 2;
            } else {
                return Some(at - width).filter(|place| *place < self.shards);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

    fn shard(opened_at_ms: i64, closed_at_ms: Option<i64>) -> DefinedShard {
        let (first_hash, last_hash) = (0, u128::MAX);
        let (parent, adjacent_parent) = (None, None);
        DefinedShard { index: 0, first_hash, last_hash, parent, adjacent_parent, opened_at_ms, closed_at_ms }
    }

    fn found(lives: &Lifetimes, from: usize, wanted: OpenDuring) -> Vec<usize> {
        std::iter::successors(lives.next(from, wanted), |place| lives.next(place + 1, wanted)).collect()
    }

    #[test]
    fn shards_are_found_by_when_they_were_open() {
        let shards = [shard(0, Some(10)), shard(10, Some(20)), shard(20, None)];
        let lives = Lifetimes::of(shards.iter());
        assert_eq!(found(&lives, 0, OpenDuring::EVER), [0, 1, 2]);
        assert_eq!(found(&lives, 0, OpenDuring::NOW), [2]);
        assert_eq!(found(&lives, 0, OpenDuring::at(5)), [0]);
        assert_eq!(found(&lives, 0, OpenDuring::at(10)), [0, 1]);
        assert_eq!(found(&lives, 0, OpenDuring::at(15)), [1]);
        assert_eq!(found(&lives, 0, OpenDuring::since(15)), [1, 2]);
        assert_eq!(found(&lives, 0, OpenDuring::since(25)), [2]);
        assert_eq!(found(&lives, 2, OpenDuring::EVER), [2]);
        assert!(found(&lives, 3, OpenDuring::EVER).is_empty());
        assert!(found(&Lifetimes::of([].iter()), 0, OpenDuring::EVER).is_empty());
    }

    #[test]
    fn what_is_found_is_what_a_look_at_every_shard_finds() {
        let mut draw = StdRng::seed_from_u64(4);
        for count in (1..70).chain([1_000]) {
            let lasting = |draw: &mut StdRng, opened: i64| {
                let closed = opened + draw.random_range(0..30);
                shard(opened, draw.random_bool(0.7).then_some(closed))
            };
            let shards: Vec<DefinedShard> = (0..count)
                .map(|_| {
                    let opened = draw.random_range(0..100);
                    lasting(&mut draw, opened)
                })
                .collect();
            let lives = Lifetimes::of(shards.iter());
            for _ in 0..20 {
                let wanted = OpenDuring {
                    opened_by_ms: draw.random_range(0..120),
                    lasts_until_ms: draw.random_range(0..150),
                };
                let from = draw.random_range(0..=count);
                let all = (from..count).filter(|place| wanted.may_hold(Life::of(&shards[*place])));
                assert_eq!(found(&lives, from, wanted), all.collect::<Vec<_>>(), "{count}, {wanted:?}");
            }
        }
    }

    #[test]
    fn of_many_shards_few_are_looked_at() {
        // As splits and merges make them: one is closed, the next is opened.
        let count = 100_000;
        let open = [7, 50_000, 99_999];
        let closed_at = |place: usize| (!open.contains(&place)).then_some(place as i64 + 10);
        let shards: Vec<DefinedShard> =
            (0..count).map(|place| shard(place as i64, closed_at(place))).collect();
        let lives = Lifetimes::of(shards.iter());
        for (wanted, most) in [(OpenDuring::NOW, 3), (OpenDuring::at(60_000), 13)] {
            let (mut place, mut given, mut looks) = (0, 0, 0);
            while let Some(next) = lives.first(place, |life| {
                looks += 1;
                wanted.may_hold(life)
            }) {
                (place, given) = (next + 1, given + 1);
            }
            assert_eq!(given, most);
            // Up the tree and down again, for each one and for the end.
            assert!(looks <= (given + 1) * 2 * 18, "{looks} looks for {given} of {count}");
        }
    }
}
