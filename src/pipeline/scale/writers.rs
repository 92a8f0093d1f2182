//! How many writers a raw store or loader has.

use super::{Scale, ScaleMode, ScalePolicy, UtilisationPolicy, one, ten_seconds};
use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bounds, goal and policies of the writers of a raw store or loader. They scale by utilisation, the share of
/// their time that they are busy, unless a goal or policies are given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriterScale {
    /// Fewest writers. Default 1.
    #[serde(default = "one")]
    pub min: u32,
    /// Most writers; more than its stream has shards are never useful. Default: the shards of its stream.
    #[serde(default)]
    pub max: Option<u32>,
    /// Keep the oldest waiting record younger than this, instead of a utilisation. Default: none.
    #[serde(default)]
    pub goal_age: Option<Span>,
    /// Writers to begin with, between `min` and `max`. Where scaling is suspended the node goes on with what it had,
    /// until this is changed. Default: what the node had when it last ran, else `min`.
    #[serde(default)]
    pub desired: Option<u32>,
    /// Least time between a change and the next scale-in. Default "10s".
    #[serde(default = "ten_seconds")]
    pub cooldown: Span,
    /// Whether decisions are carried out. Default "act".
    #[serde(default)]
    pub mode: ScaleMode,
    /// Policies, each with exactly one field: writers are added when any of them says so and taken when all
    /// agree; one that cannot tell does not. Default: `goal_age` where it is given, else `utilisation` with a target of 0.7.
    #[serde(default)]
    pub policies: Vec<ScalePolicy>,
}

impl WriterScale {
    /// The scale of the pool, of a stream with so many shards.
    pub fn pool_scale(&self, shards: u32) -> Scale {
        let Self { min, max, goal_age, desired, cooldown, mode, mut policies } = self.clone();
        if policies.is_empty() && goal_age.is_none() {
            let utilisation = Some(UtilisationPolicy::default());
            policies.push(ScalePolicy { utilisation, ..ScalePolicy::default() });
        }
        let between = Scale::between(min, max.unwrap_or(shards.max(min)));
        let goal_age = goal_age.unwrap_or(between.goal_age);
        Scale { goal_age, desired, cooldown, mode, policies, ..between }
    }
}

impl Default for WriterScale {
    fn default() -> Self {
        Self {
            min: one(),
            max: None,
            goal_age: None,
            desired: None,
            cooldown: ten_seconds(),
            mode: ScaleMode::default(),
            policies: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(text: &str) -> Scale {
        serde_json::from_str::<WriterScale>(text).unwrap().pool_scale(8)
    }

    #[test]
    fn writers_scale_by_utilisation_up_to_the_shards_unless_told_otherwise() {
        let default = scale("{}");
        assert_eq!(default, WriterScale::default().pool_scale(8));
        assert_eq!((default.min, default.max), (1, 8));
        assert_eq!(default.policies.len(), 1);
        assert_eq!(default.policies[0].utilisation.as_ref().unwrap().target, 0.7);
        assert_eq!(scale("{\"min\": 9}").max, 9);
        assert_eq!(scale("{\"max\": 3}").max, 3);
    }

    #[test]
    fn a_goal_or_policies_take_the_place_of_utilisation() {
        let goal = scale("{\"goal_age\": \"30s\"}");
        assert_eq!((goal.policies.len(), goal.goal_age), (0, "30s".parse().unwrap()));
        let tracking = scale("{\"policies\": [{\"target_tracking\": {}}]}");
        assert_eq!(tracking.policies[0].given(), ["target_tracking"]);
    }
}
