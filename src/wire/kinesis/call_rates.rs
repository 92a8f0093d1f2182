//! How often an account may call each operation, where the limits of AWS are switched on: the rates that
//! AWS's page of quotas tells. Calls that move records have limits of their own, by shard.

use super::errors;
use crate::wire::{Caller, ServiceError};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Meters after which those that are at rest are dropped.
const MOST_METERS: usize = 8_192;
const SECOND: Duration = Duration::from_secs(1);

/// Whose calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Per {
    Account,
    /// An account's calls for one stream.
    Stream,
}

/// Calls a second of an operation; none where AWS tells none.
fn rate(operation: &str) -> Option<(u32, Per)> {
    Some(match operation {
        "DescribeLimits" => (1, Per::Account),
        "AddTagsToStream"
        | "CreateStream"
        | "DeleteStream"
        | "DisableEnhancedMonitoring"
        | "EnableEnhancedMonitoring"
        | "ListStreams"
        | "ListTagsForStream"
        | "MergeShards"
        | "RemoveTagsFromStream"
        | "SplitShard" => (5, Per::Account),
        "DescribeStream" => (10, Per::Account),
        "DescribeStreamSummary" => (20, Per::Account),
        "DecreaseStreamRetentionPeriod"
        | "DeregisterStreamConsumer"
        | "IncreaseStreamRetentionPeriod"
        | "ListStreamConsumers"
        | "RegisterStreamConsumer" => (5, Per::Stream),
        "DescribeStreamConsumer" => (20, Per::Stream),
        "ListShards" => (1_000, Per::Stream),
        _ => return None,
    })
}

/// Who is counted: account, region, operation, and the stream where each has a rate of its own.
type Key = (String, String, &'static str, String);

/// The calls of all accounts. A second's worth may come at once; then each call waits its turn.
#[derive(Debug, Default)]
pub(super) struct CallRates {
    /// When all that was let pass is paid for by the rate.
    paid: Mutex<HashMap<Key, Instant>>,
}

impl CallRates {
    /// Lets a call pass, or not. `stream` is whatever the request names its stream by.
    ///
    /// # Errors
    /// `LimitExceededException`.
    pub(super) fn admit(
        &self,
        caller: &Caller,
        operation: &'static str,
        stream: &str,
        now: Instant,
    ) -> Result<(), ServiceError> {
        let Some((calls, per)) = rate(operation) else { return Ok(()) };
        let of = if per == Per::Stream { stream } else { "" };
        let key = (caller.account.clone(), caller.region.clone(), operation, of.to_owned());
        let mut all = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_METERS {
            all.retain(|_, paid| *paid > now);
        }
        if all.len() >= MOST_METERS && !all.contains_key(&key) {
            // So many at once are more than any account may call together.
            return Err(exceeded(caller, operation, of));
        }
        let cost = SECOND / calls;
        let paid = all.entry(key).or_insert(now);
        let next = (*paid).max(now) + cost;
        if next > now + SECOND {
            return Err(exceeded(caller, operation, of));
        }
        *paid = next;
        Ok(())
    }
}

fn exceeded(caller: &Caller, operation: &str, stream: &str) -> ServiceError {
    let account = &caller.account;
    errors::limit_exceeded(match stream {
        "" => format!("Rate exceeded for {operation} under account {account}."),
        stream => format!("Rate exceeded for {operation} of stream {stream} under account {account}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(account: &str, region: &str) -> Caller {
        Caller { account: account.to_owned(), region: region.to_owned(), ..Caller::default() }
    }

    /// How many of many calls pass at one moment.
    fn passing(
        rates: &CallRates,
        caller: &Caller,
        operation: &'static str,
        stream: &str,
        now: Instant,
    ) -> usize {
        (0..2_000).take_while(|_| rates.admit(caller, operation, stream, now).is_ok()).count()
    }

    #[test]
    fn a_seconds_worth_passes_at_once_and_then_one_after_the_other() {
        let (rates, now, lab) = (CallRates::default(), Instant::now(), caller("1", "a"));
        assert_eq!(passing(&rates, &lab, "CreateStream", "x", now), 5);
        let refused = rates.admit(&lab, "CreateStream", "y", now).unwrap_err();
        assert_eq!((refused.status, refused.code), (400, "LimitExceededException"));
        assert_eq!(refused.message, "Rate exceeded for CreateStream under account 1.");
        assert_eq!(passing(&rates, &lab, "CreateStream", "x", now + SECOND / 5), 1);
        assert_eq!(passing(&rates, &lab, "CreateStream", "x", now + SECOND * 9), 5);
        assert_eq!(passing(&rates, &lab, "DescribeLimits", "", now), 1);
    }

    #[test]
    fn accounts_regions_operations_and_streams_are_counted_apart() {
        let (rates, now) = (CallRates::default(), Instant::now());
        for (account, region) in [("1", "a"), ("1", "b"), ("2", "a")] {
            let lab = caller(account, region);
            assert_eq!(passing(&rates, &lab, "DescribeStream", "x", now), 10);
            assert_eq!(passing(&rates, &lab, "DescribeStream", "y", now), 0, "all streams together");
            assert_eq!(passing(&rates, &lab, "ListShards", "x", now), 1_000);
            assert_eq!(passing(&rates, &lab, "ListShards", "y", now), 1_000);
        }
    }

    #[test]
    fn what_has_no_rate_in_aws_has_none_here() {
        let (rates, now, lab) = (CallRates::default(), Instant::now(), caller("1", "a"));
        for operation in ["PutRecord", "PutRecords", "GetRecords", "TagResource"] {
            assert_eq!(passing(&rates, &lab, operation, "x", now), 2_000);
        }
    }

    #[test]
    fn however_many_streams_are_named_few_are_remembered() {
        let (rates, now, lab) = (CallRates::default(), Instant::now(), caller("1", "a"));
        let passed =
            (0..20_000).filter(|name: &u32| rates.admit(&lab, "ListShards", &name.to_string(), now).is_ok());
        assert_eq!(passed.count(), MOST_METERS);
        assert_eq!(rates.paid.lock().unwrap().len(), MOST_METERS);
        assert_eq!(passing(&rates, &lab, "ListShards", "another", now + SECOND), 1_000);
        assert_eq!(rates.paid.lock().unwrap().len(), 1);
    }
}
