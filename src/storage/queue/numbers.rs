//! Numbers of any size as few bytes: LEB128, signed ones zigzag-coded.

/// Why bytes are not a queue's state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("queue state has version {found}; this build reads versions up to {supported}")]
    Version { found: u8, supported: u8 },
    #[error("queue state ends within {field}")]
    Truncated { field: &'static str },
    #[error("queue state has {field} = {value}, which cannot be")]
    Invalid { field: &'static str, value: u64 },
}

pub(super) struct Writer<'a>(pub &'a mut Vec<u8>);

impl Writer<'_> {
    pub fn unsigned(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub fn signed(&mut self, number: i64) {
        self.unsigned(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    pub fn length(&mut self, length: usize) {
        self.unsigned(length as u64);
    }

    /// Absent as 0, else the number above it.
    pub fn optional(&mut self, number: Option<u64>) {
        self.unsigned(number.map_or(0, |number| number.saturating_add(1)));
    }

    pub fn bytes(&mut self, bytes: [u8; 16]) {
        self.0.extend_from_slice(&bytes);
    }
}

pub(super) struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    pub fn unsigned(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(DecodeError::Truncated { field })?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Invalid { field, value: number })
    }

    pub fn signed(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        let number = self.unsigned(field)?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub fn optional(&mut self, field: &'static str) -> Result<Option<u64>, DecodeError> {
        Ok(self.unsigned(field)?.checked_sub(1))
    }

    pub fn small(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let value = self.unsigned(field)?;
        u32::try_from(value).map_err(|_| DecodeError::Invalid { field, value })
    }

    /// A number given as its distance from the one before.
    pub fn ascending(&mut self, field: &'static str, last: u64) -> Result<u64, DecodeError> {
        let distance = self.unsigned(field)?;
        last.checked_add(distance).ok_or(DecodeError::Invalid { field, value: distance })
    }

    pub fn bytes(&mut self, field: &'static str) -> Result<[u8; 16], DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(DecodeError::Truncated { field })?;
        self.0 = rest;
        Ok(*bytes)
    }
}
