//! Which partition key a record gets.

use super::field::{Pointer, as_key};
use rand::{Rng, rngs::SmallRng};

/// Longest partition key, in bytes.
pub(super) const LONGEST_KEY: usize = 256;

/// Where the keys of one request come from: the request itself, a field, or chance.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyChoice<'r> {
    /// Named by `?key=` or by the header.
    pub named: Option<&'r str>,
    /// Named by the stream's section.
    pub pointer: Option<&'r Pointer>,
}

impl KeyChoice<'_> {
    /// Writes the key of a record to the end of `keys`.
    ///
    /// # Errors
    /// The reason why the record has none that can be used.
    pub(super) fn write(
        self,
        record: &[u8],
        random: &mut SmallRng,
        keys: &mut Vec<u8>,
    ) -> Result<(), String> {
        if let Some(key) = self.named.filter(|key| !key.is_empty()) {
            keys.extend_from_slice(key.as_bytes());
            return Ok(());
        }
        let field = self.pointer.and_then(|pointer| pointer.find(record)).and_then(as_key);
        match field.filter(|key| !key.is_empty()) {
            Some(key) if key.len() > LONGEST_KEY => {
                Err(format!("the partition key has {} bytes; {LONGEST_KEY} are allowed", key.len()))
            }
            Some(key) => {
                keys.extend_from_slice(key.as_bytes());
                Ok(())
            }
            None => {
                write_random(random, keys);
                Ok(())
            }
        }
    }
}

fn write_random(random: &mut SmallRng, keys: &mut Vec<u8>) {
    let number: u64 = random.random();
    keys.extend((0..16).rev().map(|digit| {
        let nibble = (number >> (digit * 4)) as u8 & 0xf;
        nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn key(named: Option<&str>, pointer: Option<&str>, record: &str) -> Result<String, String> {
        let pointer = pointer.map(|text| Pointer::read(text).unwrap());
        let choice = KeyChoice { named, pointer: pointer.as_ref() };
        let mut keys = Vec::new();
        choice.write(record.as_bytes(), &mut SmallRng::seed_from_u64(7), &mut keys)?;
        Ok(String::from_utf8(keys).unwrap())
    }

    #[test]
    fn the_request_goes_before_the_field_and_the_field_before_chance() {
        let record = r#"{"station":90}"#;
        assert_eq!(key(Some("north"), Some("/station"), record).unwrap(), "north");
        assert_eq!(key(None, Some("/station"), record).unwrap(), "90");
        for chance in
            [key(None, Some("/other"), record), key(None, None, record), key(Some(""), None, record)]
        {
            assert_eq!(chance.unwrap().len(), 16);
        }
    }

    #[test]
    fn a_key_that_is_too_long_is_a_fault_of_its_record() {
        let record = format!(r#"{{"k":"{}"}}"#, "x".repeat(257));
        assert!(key(None, Some("/k"), &record).unwrap_err().contains("257"));
    }

    #[test]
    fn random_keys_differ_and_are_plain_hexadecimal() {
        let mut random = SmallRng::seed_from_u64(1);
        let mut keys = Vec::new();
        (0..1_000).for_each(|_| write_random(&mut random, &mut keys));
        let all: std::collections::BTreeSet<&[u8]> = keys.chunks(16).collect();
        assert_eq!(all.len(), 1_000);
        assert!(keys.iter().all(u8::is_ascii_hexdigit));
    }
}
