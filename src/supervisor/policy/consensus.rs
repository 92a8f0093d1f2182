//! Several policies of one pool: out when any says so, in only when all do.

use super::{
    Decision,
    opinion::{Opinion, Voice},
};

/// What all policies of a pool said at one time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// Where the pool goes, before its bounds. What is desired, without a reason, when it stays.
    pub decision: Decision,
    /// What is only forecast.
    pub forecast: Option<Decision>,
}

impl Heard {
    /// Hears each policy, by its name. Of two that want the same the first in the topology is named.
    pub fn of(desired: u32, voices: impl Iterator<Item = (&'static str, Voice)>) -> Self {
        let mut most: Option<Decision> = None;
        let mut forecast: Option<Decision> = None;
        let mut may_shrink = false;
        for (name, voice) in voices {
            let (heard, opinion) = match voice {
                Voice::Silent => continue,
                Voice::Go(opinion) => {
                    may_shrink = true;
                    (&mut most, opinion)
                }
                Voice::Least(opinion) => (&mut most, opinion),
                Voice::Forecast(opinion) => (&mut forecast, opinion),
            };
            if heard.as_ref().is_none_or(|most| opinion.to > most.to.0) {
                *heard = Some(opinion.by(name));
            }
        }
        let decided = most.filter(|most| may_shrink || most.to.0 > desired);
        let stay = || Opinion { to: desired, because: String::new() }.by(Decision::BOUNDS);
        Self { decision: decided.unwrap_or_else(stay), forecast }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn opinion(to: u32) -> Opinion {
        Opinion { to, because: format!("needs {to}") }
    }

    fn heard(desired: u32, voices: &[(&'static str, Voice)]) -> (u32, &'static str) {
        let heard = Heard::of(desired, voices.iter().cloned());
        (heard.decision.to.0, heard.decision.by)
    }

    #[test]
    fn the_largest_opinion_wins_and_the_first_of_equals_is_named() {
        let voices = [("step", Voice::Go(opinion(4))), ("goal_age", Voice::Go(opinion(9)))];
        assert_eq!(heard(5, &voices), (9, "goal_age"));
        assert_eq!(heard(20, &voices), (9, "goal_age"), "in, when all do");
        let equal = [("step", Voice::Go(opinion(9))), ("goal_age", Voice::Go(opinion(9)))];
        assert_eq!(heard(5, &equal), (9, "step"));
    }

    #[test]
    fn a_policy_that_cannot_tell_keeps_the_others_from_scaling_in_and_not_from_scaling_out() {
        let unsure = ("utilisation", Voice::stay(5));
        assert_eq!(heard(5, &[("goal_age", Voice::Go(opinion(2))), unsure.clone()]).0, 5);
        assert_eq!(heard(5, &[("goal_age", Voice::Go(opinion(8))), unsure]).0, 8);
    }

    #[test]
    fn a_policy_that_never_scales_in_leaves_it_to_the_others_down_to_what_it_needs() {
        let least = ("target_tracking", Voice::Least(opinion(3)));
        assert_eq!(heard(8, std::slice::from_ref(&least)), (8, Decision::BOUNDS), "alone it takes none");
        assert_eq!(heard(8, &[("goal_age", Voice::Go(opinion(1))), least.clone()]), (3, "target_tracking"));
        assert_eq!(heard(8, &[("goal_age", Voice::Go(opinion(5))), least.clone()]), (5, "goal_age"));
        assert_eq!(heard(2, &[("goal_age", Voice::stay(2)), least]), (3, "target_tracking"));
    }

    #[test]
    fn what_is_only_forecast_is_told_beside_the_decision() {
        let voices = [("predictive", Voice::Forecast(opinion(40))), ("goal_age", Voice::Go(opinion(2)))];
        let heard = Heard::of(5, voices.into_iter());
        assert_eq!((heard.decision.to.0, heard.forecast.unwrap().to.0), (2, 40));
        let alone = Heard::of(5, [("predictive", Voice::Forecast(opinion(40)))].into_iter());
        assert_eq!(alone.decision.to.0, 5);
    }

    fn voice() -> impl Strategy<Value = Voice> {
        (0..4_u8, 0..20_u32).prop_map(|(kind, to)| match kind {
            0 => Voice::Silent,
            1 => Voice::Go(opinion(to)),
            2 => Voice::Least(opinion(to)),
            _ => Voice::Forecast(opinion(to)),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn out_when_any_says_so_and_in_only_when_all_do(
            desired in 0..20_u32,
            voices in prop::collection::vec(voice(), 0..6),
        ) {
            let heard = Heard::of(desired, voices.iter().cloned().map(|voice| ("step", voice)));
            let to = heard.decision.to.0;
            let needs = |voice: &Voice| match voice {
                Voice::Go(opinion) | Voice::Least(opinion) => Some(opinion.to),
                _ => None,
            };
            let most = voices.iter().filter_map(needs).max();
            if most.is_some_and(|most| most > desired) {
                prop_assert_eq!(Some(to), most);
            } else {
                prop_assert!(to <= desired);
            }
            if to < desired {
                prop_assert!(voices.iter().any(|voice| matches!(voice, Voice::Go(_))));
                prop_assert!(voices.iter().filter_map(needs).all(|needed| needed <= to));
            }
        }
    }
}
