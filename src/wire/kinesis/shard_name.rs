//! Names of shards as requests may write them: `shardId-000000000007`, but also `shardId-7` and `7`.

/// The shard's index: the digits after the first hyphen, or all of a name without one. `None` when AWS
/// could not find such a shard: other letters, or more than 31 bits.
pub(super) fn shard_index(name: &str) -> Option<u32> {
    let digits = match name.split('-').nth(1) {
        Some(part) if !part.is_empty() => part,
        _ => name,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let index: u64 = digits.parse().ok()?;
    u32::try_from(index).ok().filter(|index| i32::try_from(*index).is_ok())
}

/// A name in full, without memory of its own: answers to writers have hundreds of them.
pub(super) struct ShardName([u8; 20]);

impl ShardName {
    pub(super) fn of(index: u32) -> Self {
        let mut text = *b"shardId-000000000000";
        let mut rest = index;
        for digit in text.iter_mut().rev().take(12) {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        // There is nothing but ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The name in full.
pub(super) fn shard_name(index: u32) -> String {
    ShardName::of(index).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_mean_the_same_shard() {
        for name in ["7", "shardId-7", "shardId-000000000007", "a-7", "-0007", "x_y.z-7"] {
            assert_eq!(shard_index(name), Some(7), "{name}");
        }
        assert_eq!(shard_index("2147483647"), Some(2_147_483_647));
        assert_eq!(shard_name(7), "shardId-000000000007");
        assert_eq!(shard_name(u32::MAX), "shardId-004294967295");
    }

    #[test]
    fn what_aws_cannot_find_is_not_found() {
        for name in ["2147483648", "shardId-002147483648", "ABKLFD8", "2.14E4", "a-b", "shardId-7x", "-"] {
            assert_eq!(shard_index(name), None, "{name}");
        }
    }
}
