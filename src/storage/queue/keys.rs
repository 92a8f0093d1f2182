//! What a queue knows messages by besides their sequence: groups, deduplication ids, receive attempts.

use md5::{Digest, Md5};

/// The 128 bits that stand for an id: a message group, a deduplication id, a receive attempt.
/// MD5 of its bytes: ids need few bits and no secrecy; whoever makes two of his own ids collide
/// only merges them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64, u64);

/// What a message was sent with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageKeys {
    /// The message group: what is kept in order on FIFO queues and treated fairly on standard queues.
    pub group: Option<Fingerprint>,
    /// A message with the same one within five minutes is not stored again. FIFO queues only.
    pub deduplication: Option<Fingerprint>,
}

impl Fingerprint {
    pub fn of(id: &[u8]) -> Self {
        Self::from_bytes(Md5::digest(id).into())
    }

    /// This one within another: equal only when both are.
    pub fn within(self, outer: Self) -> Self {
        let mut both = [0; 32];
        let (left, right) = both.split_at_mut(16);
        left.copy_from_slice(&outer.to_bytes());
        right.copy_from_slice(&self.to_bytes());
        Self::of(&both)
    }

    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.0) << 64) | u128::from(self.1)).to_le_bytes()
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let bits = u128::from_le_bytes(bytes);
        Self((bits >> 64) as u64, bits as u64)
    }
}
