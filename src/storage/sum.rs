//! Checksums.

use crc_fast::{CrcAlgorithm, Digest};

/// CRC32C (Castagnoli), the checksum of everything in the data folder.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    low_half(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes))
}

/// CRC32C over pieces that lie apart.
pub(super) fn crc32c_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    pieces.into_iter().for_each(|piece| digest.update(piece));
    low_half(digest.finalize())
}

fn low_half(sum: u64) -> u32 {
    u32::try_from(sum & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// A sum over records' checksums that depends on their order and can be joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Order(pub u64);

const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl Order {
    pub(super) fn add(&mut self, crc: u32) {
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(u64::from(crc) + 1);
    }
    pub(super) fn followed_by(self, other: Self, count: u32) -> Self {
        Self(self.0.wrapping_mul(FACTOR.wrapping_pow(count)).wrapping_add(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnoli_s() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c_of([&b"1234"[..], b"", b"56789"]), 0xE306_9283);
    }

    #[test]
    fn order_matters_and_joins() {
        let of = |crcs: &[u32]| {
            let mut order = Order::default();
            crcs.iter().for_each(|crc| order.add(*crc));
            order
        };
        assert_ne!(of(&[1, 2, 3]), of(&[2, 1, 3]));
        assert_ne!(of(&[0, 0]), of(&[0]));
        assert_eq!(of(&[7, 8]).followed_by(of(&[9, 1, 4]), 3), of(&[7, 8, 9, 1, 4]));
    }
}
