//! The records of a request.

use bytes::Bytes;

/// Records of one producer, ready to be sent: JSON lines in one buffer.
#[derive(Debug, Clone, Default)]
pub struct Parcel {
    pub producer: u32,
    pub records: Vec<Sealed>,
    pub lines: Bytes,
}

/// A record of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Where its line ends in the buffer, the line break not counted.
    pub end: usize,
    /// The producer's own number of its key.
    pub key: u32,
    pub number: u64,
}

impl Parcel {
    /// Each record with its payload.
    pub fn payloads(&self) -> impl Iterator<Item = (Sealed, &[u8])> {
        let mut begin = 0;
        self.records.iter().map(move |record| {
            let payload = self.lines.get(begin..record.end).unwrap_or_default();
            begin = record.end + 1;
            (*record, payload)
        })
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> u64 {
        (self.lines.len() as u64).saturating_sub(self.records.len() as u64)
    }
}
