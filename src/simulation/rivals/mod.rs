//! Autoscalers that others have published, with their documented defaults, to be compared with ours.
//!
//! Each is written anew from its documentation, which its file names. Each sees what it would really
//! see (queue length, records in flight, rates, busy time) and no more, at the intervals at which it
//! would see it. Where a source says nothing, the choice is the one in its favour.

mod aws;
mod flink;
#[cfg(test)]
mod flink_tests;
mod hpa_keda;
mod knative;
mod numaflow;
#[cfg(test)]
mod tests;
mod window;

use super::{PoolModel, Sizing};
use aws::Aws;
use flink::Flink;
use hpa_keda::HpaKeda;
use knative::Knative;
use numaflow::Numaflow;

/// The compared policies, each with its documented defaults.
pub const RIVALS: [&str; 5] = ["aws", "hpa-keda", "knative", "flink", "numaflow"];
/// The same with other documented settings: KEDA's queue length derived from the goal, Knative with
/// one record at a time, Flink with the example of its guide.
pub const VARIANTS: [&str; 3] = ["hpa-keda-goal", "knative-1", "flink-guide"];

/// A compared policy by its name; `None` when neither [`RIVALS`] nor [`VARIANTS`] has it.
pub fn rival(name: &str, pool: &PoolModel) -> Option<Box<dyn Sizing>> {
    let sizing: Box<dyn Sizing> = match name {
        "aws" => Box::new(Aws::new(pool)),
        "hpa-keda" => Box::new(HpaKeda::new(pool)),
        "hpa-keda-goal" => Box::new(HpaKeda::for_goal(pool)),
        "knative" => Box::new(Knative::new(pool)),
        "knative-1" => Box::new(Knative::one_at_a_time(pool)),
        "flink" => Box::new(Flink::new(pool)),
        "flink-guide" => Box::new(Flink::of_guide(pool)),
        "numaflow" => Box::new(Numaflow::new(pool)),
        _ => return None,
    };
    Some(sizing)
}

/// Records that one worker finishes within the goal: what AWS calls the acceptable backlog per instance.
fn records_within_goal(pool: &PoolModel) -> f64 {
    (pool.goal.as_secs_f64() / pool.service.as_secs_f64().max(1e-6)).max(1.0)
}
