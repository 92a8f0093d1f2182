//! Which collector takes a request: a pure choice.

use super::Balance;

/// What the choice knows of a collector: its unanswered requests, or `None` while it takes none
/// (unhealthy, or about to leave).
pub(super) type Outstanding = Option<usize>;

/// Chooses among `count` collectors. `turn` counts requests; `key` is the hash of the partition key
/// or of the client's address. When none is available, none is chosen.
pub(super) fn choose(
    balance: Balance,
    count: usize,
    turn: usize,
    key: u64,
    outstanding: impl Fn(usize) -> Outstanding,
) -> Option<usize> {
    if count == 0 {
        return None;
    }
    match balance {
        Balance::RoundRobin => in_turn(count, turn).find(|member| outstanding(*member).is_some()),
        // Ties go around, so that idle collectors share the work.
        Balance::LeastOutstanding => in_turn(count, turn)
            .filter_map(|member| outstanding(member).map(|requests| (requests, member)))
            .min_by_key(|(requests, _)| *requests)
            .map(|(_, member)| member),
        Balance::KeyHash => (0..count)
            .filter(|member| outstanding(*member).is_some())
            .max_by_key(|member| weight(key, *member)),
    }
}

fn in_turn(count: usize, turn: usize) -> impl Iterator<Item = usize> {
    let first = turn % count;
    (first..count).chain(0..first)
}

/// Rendezvous hashing: when a collector comes or goes, only its own keys move.
fn weight(key: u64, member: usize) -> u64 {
    // The finalizer of SplitMix64.
    let mut mixed = key ^ (member as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_robin_gives_each_its_turn_and_skips_the_unavailable() {
        let all = |_| Some(0);
        let order: Vec<_> = (0..6).filter_map(|turn| choose(Balance::RoundRobin, 3, turn, 0, all)).collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
        let without_one = |member| (member != 1).then_some(0);
        let order: Vec<_> =
            (0..4).filter_map(|turn| choose(Balance::RoundRobin, 3, turn, 0, without_one)).collect();
        assert_eq!(order, [0, 2, 2, 0]);
    }

    #[test]
    fn least_outstanding_takes_the_idlest_and_shares_ties() {
        let requests = [Some(5), Some(2), None, Some(9)];
        let pick = |turn| choose(Balance::LeastOutstanding, 4, turn, 0, |member| requests[member]);
        assert!((0..8).all(|turn| pick(turn) == Some(1)));
        let mut shares = [0; 4];
        for turn in 0..400 {
            shares[choose(Balance::LeastOutstanding, 4, turn, 0, |_| Some(0)).unwrap()] += 1;
        }
        assert_eq!(shares, [100; 4]);
    }

    #[test]
    fn least_outstanding_evens_out_slow_and_fast_collectors() {
        // Collector 0 finishes one request in four turns, collector 1 one in each turn.
        let mut waiting = [0_usize; 2];
        let mut taken = [0_usize; 2];
        for turn in 0..1_000 {
            let member =
                choose(Balance::LeastOutstanding, 2, turn, 0, |member| Some(waiting[member])).unwrap();
            waiting[member] += 1;
            taken[member] += 1;
            waiting[1] = waiting[1].saturating_sub(1);
            if turn % 4 == 0 {
                waiting[0] = waiting[0].saturating_sub(1);
            }
        }
        assert!(taken[1] > 2 * taken[0], "{taken:?}");
        assert!(waiting[0] < 10, "{waiting:?}");
    }

    #[test]
    fn a_key_stays_with_its_collector_and_only_lost_keys_move() {
        let mut shares = [0; 5];
        for key in 0..10_000_u64 {
            let home = choose(Balance::KeyHash, 5, key as usize, key, |_| Some(0)).unwrap();
            shares[home] += 1;
            assert_eq!(choose(Balance::KeyHash, 5, 0, key, |_| Some(99)), Some(home));
            let without_two = choose(Balance::KeyHash, 5, 0, key, |member| (member != 2).then_some(0));
            assert!(without_two == Some(home) || home == 2);
        }
        assert!(shares.iter().all(|share| (1_850..=2_150).contains(share)), "{shares:?}");
    }

    #[test]
    fn nobody_is_chosen_when_nobody_is_available() {
        for balance in [Balance::RoundRobin, Balance::LeastOutstanding, Balance::KeyHash] {
            assert_eq!(choose(balance, 0, 3, 3, |_| Some(0)), None);
            assert_eq!(choose(balance, 3, 3, 3, |_| None), None);
        }
    }
}
