//! AWS's rates of calls, which hold where its limits are switched on.

use super::*;
use serde_json::json;

#[tokio::test]
async fn calls_beyond_the_rate_of_an_account_are_refused_where_limits_hold() {
    for (limits, refusals) in [(true, 1..=25), (false, 0..=0)] {
        let lab = Lab::with(Protocol::Json, KinesisSettings { limits, ..KinesisSettings::default() }).await;
        lab.make("trips", 1).await;
        let mut refused = 0;
        // The rate is one a second: however slow the machine, they do not all pass.
        for _ in 0..25 {
            if let Err(error) = lab.ask("DescribeLimits", json!({})).await {
                assert_eq!((error.status, error.code), (400, "LimitExceededException"));
                refused += 1;
            }
        }
        assert!(refusals.contains(&refused), "{refused} with limits {limits}");
        lab.put("trips", "a", "b").await;
    }
}
