//! Whose stream it is: account, region and name, as text of an ARN and of the registry's keys.

use std::fmt;

/// What tells a stream from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamIdentity {
    /// Twelve digits.
    pub account: String,
    /// Such as "eu-west-1".
    pub region: String,
    pub name: String,
}

/// What stands before the key of a stream that is not of the default account and region; no name of a
/// node or of a stream begins so.
const FOREIGN: char = '@';

/// The partition that a region belongs to, which its ARNs begin with.
pub fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

impl StreamIdentity {
    pub fn new(account: &str, region: &str, name: &str) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), name: name.to_owned() }
    }

    /// `arn:aws:kinesis:REGION:ACCOUNT:stream/NAME`.
    pub fn arn(&self) -> String {
        let Self { account, region, name } = self;
        format!("arn:{}:kinesis:{region}:{account}:stream/{name}", partition(region))
    }

    /// The ARN of a consumer of this stream, which ends in its creation time in epoch seconds.
    pub fn consumer_arn(&self, consumer: &str, created_at_ms: i64) -> String {
        format!("{}/consumer/{consumer}:{}", self.arn(), created_at_ms.div_euclid(1000))
    }

    /// Reads the ARN of a stream; `None` when it is none.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let (identity, rest) = Self::split_arn(arn)?;
        rest.is_none().then_some(identity)
    }

    /// Reads the ARN of a consumer: its stream, its name and its creation time in epoch seconds.
    pub fn of_consumer_arn(arn: &str) -> Option<(Self, &str, i64)> {
        let (identity, rest) = Self::split_arn(arn)?;
        let (name, created) = rest?.strip_prefix("consumer/")?.rsplit_once(':')?;
        Some((identity, name, created.parse().ok()?))
    }

    fn split_arn(arn: &str) -> Option<(Self, Option<&str>)> {
        let mut parts = arn.splitn(6, ':');
        let (arn, aws, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        if arn != "arn" || !aws.starts_with("aws") || service != "kinesis" {
            return None;
        }
        let path = resource.strip_prefix("stream/")?;
        let (name, rest) = match path.split_once('/') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        (!name.is_empty()).then(|| (Self::new(account, region, name), rest))
    }

    /// The key under which the registry keeps the stream: the bare name at home.
    pub(in crate::pipeline::stream) fn key(&self, home: &Home) -> String {
        match home.is_of(self) {
            true => self.name.clone(),
            false => format!("{FOREIGN}{}/{}/{}", self.account, self.region, self.name),
        }
    }

    pub(in crate::pipeline::stream) fn of_key(key: &str, home: &Home) -> Option<Self> {
        let Some(foreign) = key.strip_prefix(FOREIGN) else {
            return Some(Self::new(&home.account, &home.region, key));
        };
        let mut parts = foreign.splitn(3, '/');
        Some(Self::new(parts.next()?, parts.next()?, parts.next()?))
    }
}

impl fmt::Display for StreamIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

/// The account and region that streams of the topology live in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub account: String,
    pub region: String,
}

impl Home {
    fn is_of(&self, identity: &StreamIdentity) -> bool {
        self.account == identity.account && self.region == identity.region
    }
}

impl Default for Home {
    fn default() -> Self {
        Self { account: "000000000000".to_owned(), region: "us-east-1".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_read_back_as_written() {
        let stream = StreamIdentity::new("123456789012", "eu-west-1", "trips");
        assert_eq!(stream.arn(), "arn:aws:kinesis:eu-west-1:123456789012:stream/trips");
        assert_eq!(StreamIdentity::of_arn(&stream.arn()), Some(stream.clone()));
        let consumer = stream.consumer_arn("lab", 1_700_000_000_999);
        assert_eq!(consumer, format!("{}/consumer/lab:1700000000", stream.arn()));
        assert_eq!(StreamIdentity::of_consumer_arn(&consumer), Some((stream, "lab", 1_700_000_000)));
        assert_eq!(StreamIdentity::of_arn(&consumer), None);
        for wrong in ["", "arn:aws:sqs:r:a:stream/x", "arn:aws:kinesis:r:a:stream/", "arn:aws:kinesis:r:a"] {
            assert_eq!(StreamIdentity::of_arn(wrong), None, "{wrong}");
        }
        assert!(StreamIdentity::new("1", "cn-north-1", "x").arn().starts_with("arn:aws-cn:"));
        assert!(StreamIdentity::new("1", "us-gov-west-1", "x").arn().starts_with("arn:aws-us-gov:"));
    }

    #[test]
    fn streams_at_home_keep_their_names_as_keys_and_others_are_told_apart() {
        let home = Home::default();
        for stream in [
            StreamIdentity::new(&home.account, &home.region, "trips"),
            StreamIdentity::new(&home.account, "eu-west-1", "trips"),
            StreamIdentity::new("123456789012", &home.region, "trips"),
        ] {
            assert_eq!(StreamIdentity::of_key(&stream.key(&home), &home), Some(stream));
        }
        assert_eq!(StreamIdentity::new(&home.account, &home.region, "trips").key(&home), "trips");
    }
}
