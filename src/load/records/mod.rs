//! The records of a run. Pure: the n-th record of a producer is the same whenever it is made with the same seed.
//!
//! Each is a JSON object that begins with `producer`, `number`, `at` (planned send time, milliseconds since the
//! epoch) and `key`; the proof reads the first three, and topologies take `/key` for the partition key.

mod clickstream;
mod json;
mod keys;
mod lots;
mod orders;
mod purchases;
mod random_bytes;
mod recorded;
#[cfg(test)]
mod tests;
mod trips;

pub use keys::{Key, KeyLots, OwnKeys, write_key};
pub use recorded::{FileError, Recorded};

use super::scenario::{Records, Sizes};
use json::Object;
use rand::{SeedableRng, rngs::SmallRng};
use std::sync::Arc;

/// How payloads are made, for all producers.
#[derive(Debug, Clone)]
pub enum Payloads {
    Trips,
    Clickstream,
    Orders,
    Purchases,
    Bytes { size: Sizes, entropy: f64 },
    Recorded(Arc<Recorded>),
}

impl Payloads {
    /// What a scenario asks for.
    ///
    /// # Errors
    /// [`FileError`] when the file of recorded lines cannot be used.
    pub fn new(records: &Records) -> Result<Self, FileError> {
        Ok(match records {
            Records::Trips { .. } => Self::Trips,
            Records::Clickstream { .. } => Self::Clickstream,
            Records::Orders { .. } => Self::Orders,
            Records::Purchases { .. } => Self::Purchases,
            Records::Bytes { size, entropy, .. } => Self::Bytes { size: *size, entropy: *entropy },
            Records::File { path, .. } => Self::Recorded(Arc::new(Recorded::read(path)?)),
        })
    }
}

/// Makes the records of one producer.
#[derive(Debug, Clone)]
pub struct Maker {
    payloads: Payloads,
    seed: u64,
    producer: u32,
}

impl Maker {
    pub fn new(payloads: Payloads, seed: u64, producer: u32) -> Self {
        Self { payloads, seed: mixed(seed ^ mixed(u64::from(producer) + 1)), producer }
    }

    /// Writes a record to the end of `out`; `key` is the producer's own number of its key, `at` the planned
    /// send time in milliseconds since the epoch.
    pub fn write(&self, number: u64, key: u32, at: i64, out: &mut Vec<u8>) {
        let begin = out.len();
        let mut random = SmallRng::seed_from_u64(self.seed ^ mixed(number));
        let mut object = Object::open(out);
        object.number("producer", u64::from(self.producer));
        object.number("number", number);
        object.number("at", u64::try_from(at).unwrap_or_default());
        object.write("key", |out| {
            out.push(b'"');
            write_key(Key { producer: self.producer, index: key }, out);
            out.push(b'"');
        });
        let key = (u64::from(self.producer) << 32) | u64::from(key);
        match &self.payloads {
            Payloads::Trips => trips::write(&mut object, key, &mut random),
            Payloads::Clickstream => clickstream::write(&mut object, key, &mut random),
            Payloads::Orders => orders::write(&mut object, key, &mut random),
            Payloads::Purchases => purchases::write(&mut object, key, &mut random),
            Payloads::Bytes { size, entropy } => {
                random_bytes::write(&mut object, begin, *size, *entropy, &mut random);
            }
            Payloads::Recorded(lines) => lines.write(&mut object, number, self.producer),
        }
        object.close();
    }
}

/// SplitMix64's finisher: seeds that lie side by side become unlike.
pub(super) fn mixed(seed: u64) -> u64 {
    let once = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let twice = (once ^ (once >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let thrice = (twice ^ (twice >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    thrice ^ (thrice >> 31)
}
