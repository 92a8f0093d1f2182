//! The records of all pieces: trips of Madrid's bicycles, the same every time.

use caudal::{
    load::records::{Maker, Payloads},
    storage::RecordBlock,
};

const SEED: u64 = 20_190_601;
/// 1 June 2019.
pub const ARRIVED_AT: i64 = 1_559_340_000_000;
const KEYS: u32 = 1_000;

pub struct Trip {
    pub key: String,
    /// A JSON object on one line, of some 430 bytes.
    pub payload: Vec<u8>,
}

pub fn trips(count: usize) -> Vec<Trip> {
    let maker = Maker::new(Payloads::Trips, SEED, 0);
    let trip = |number: u32| {
        let (mut payload, key) = (Vec::new(), number.wrapping_mul(7) % KEYS);
        maker.write(u64::from(number), key, ARRIVED_AT, &mut payload);
        Trip { key: format!("0-{key}"), payload }
    };
    (0..).take(count).map(trip).collect()
}

pub fn payload_bytes(trips: &[Trip]) -> usize {
    trips.iter().map(|trip| trip.payload.len()).sum()
}

/// As a collector encodes them for the log.
pub fn block(trips: &[Trip]) -> RecordBlock {
    let mut block = RecordBlock::with_capacity(payload_bytes(trips) + trips.len() * 32);
    for trip in trips {
        block.push(ARRIVED_AT, trip.key.as_bytes(), b"", &trip.payload);
    }
    block
}
