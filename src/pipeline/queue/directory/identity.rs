//! Whose queue it is: account, region and name, as text of an ARN and of the registry's keys.

use crate::pipeline::stream::directory::{Home, partition};
use serde::{Deserialize, Serialize};

/// What tells a queue from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueueIdentity {
    /// Twelve digits.
    pub account: String,
    /// Such as "eu-west-1".
    pub region: String,
    pub name: String,
}

/// What stands before the key of a queue that is not of the default account and region; no name begins so.
const FOREIGN: char = '@';

/// How names of FIFO queues end.
pub const FIFO: &str = ".fifo";

impl QueueIdentity {
    pub fn new(account: &str, region: &str, name: &str) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), name: name.to_owned() }
    }

    /// The queue that a topology names so; see [`Self::name_of`].
    pub fn of_node(account: &str, region: &str, node: &str, fifo: bool) -> Self {
        Self::new(account, region, &Self::name_of(node, fifo))
    }

    /// What a queue of a topology is called: a FIFO queue has the ending that the API wants.
    pub fn name_of(named: &str, fifo: bool) -> String {
        if fifo && !named.ends_with(FIFO) { format!("{named}{FIFO}") } else { named.to_owned() }
    }

    /// `arn:aws:sqs:REGION:ACCOUNT:NAME`.
    pub fn arn(&self) -> String {
        let Self { account, region, name } = self;
        format!("arn:{}:sqs:{region}:{account}:{name}", partition(region))
    }

    /// Reads the ARN of a queue; `None` when it is none.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (arn, aws, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
        let is_queue = arn == "arn" && aws.starts_with("aws") && service == "sqs";
        let is_whole = !region.is_empty() && !account.is_empty() && !name.is_empty() && !name.contains(':');
        (is_queue && is_whole).then(|| Self::new(account, region, name))
    }

    /// The name under which the store and the registry keep the queue: the bare name at home.
    pub(super) fn key(&self, home: &Home) -> String {
        let Self { account, region, name } = self;
        match home.account == *account && home.region == *region {
            true => name.clone(),
            false => format!("{FOREIGN}{account}/{region}/{name}"),
        }
    }

    pub(super) fn of_key(key: &str, home: &Home) -> Option<Self> {
        let Some(foreign) = key.strip_prefix(FOREIGN) else {
            return Some(Self::new(&home.account, &home.region, key));
        };
        let mut parts = foreign.splitn(3, '/');
        Some(Self::new(parts.next()?, parts.next()?, parts.next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_and_keys_are_read_back_as_written() {
        let home = Home::default();
        for queue in [
            QueueIdentity::new(&home.account, &home.region, "jobs"),
            QueueIdentity::new("123456789012", "cn-north-1", "jobs.fifo"),
        ] {
            assert_eq!(QueueIdentity::of_arn(&queue.arn()), Some(queue.clone()));
            assert_eq!(QueueIdentity::of_key(&queue.key(&home), &home), Some(queue));
        }
        assert_eq!(QueueIdentity::new("1", "us-east-1", "a").arn(), "arn:aws:sqs:us-east-1:1:a");
        for wrong in ["", "arn:aws:sqs:r:a:", "arn:aws:sns:r:a:x", "arn:aws:sqs:r:a", "arn:aws:sqs:r:a:x:y"] {
            assert_eq!(QueueIdentity::of_arn(wrong), None, "{wrong}");
        }
    }
}
