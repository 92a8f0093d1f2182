//! Fewer points than were measured, without losing a peak.

/// What a series did within one interval of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    pub least: f64,
    pub most: f64,
    pub last: f64,
}

/// Least, most and last value within each of `count` equal intervals from 0 to `seconds`. An interval without
/// a point repeats the last value before it; intervals before the first point are absent.
pub fn buckets(points: &[(f64, f64)], seconds: f64, count: usize) -> Vec<Option<Bucket>> {
    let mut all: Vec<Option<Bucket>> = vec![None; count];
    let width = seconds / count.max(1) as f64;
    for (at, value) in points.iter().filter(|(at, value)| at.is_finite() && value.is_finite()) {
        let place = ((at / width).max(0.0) as usize).min(count.saturating_sub(1));
        if let Some(bucket) = all.get_mut(place) {
            *bucket = Some(match *bucket {
                Some(seen) => {
                    Bucket { least: seen.least.min(*value), most: seen.most.max(*value), last: *value }
                }
                None => Bucket { least: *value, most: *value, last: *value },
            });
        }
    }
    let mut held = None;
    for bucket in &mut all {
        match bucket {
            Some(seen) => held = Some(seen.last),
            None => *bucket = held.map(|last| Bucket { least: last, most: last, last }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_of_one_second_survives_among_thousands() {
        let points: Vec<(f64, f64)> =
            (0..3_600).map(|second| (f64::from(second), if second == 1_801 { 99.0 } else { 1.0 })).collect();
        let all = buckets(&points, 3_600.0, 60);
        assert_eq!(all.iter().flatten().filter(|bucket| bucket.most == 99.0).count(), 1);
        assert_eq!(all[30], Some(Bucket { least: 1.0, most: 99.0, last: 1.0 }));
    }

    #[test]
    fn few_points_are_held_and_nothing_is_invented_before_the_first() {
        let all = buckets(&[(5.0, 2.0), (f64::NAN, 3.0), (10.0, 4.0)], 10.0, 5);
        let last: Vec<Option<f64>> = all.iter().map(|bucket| bucket.map(|seen| seen.last)).collect();
        assert_eq!(last, [None, None, Some(2.0), Some(2.0), Some(4.0)]);
        assert!(buckets(&[(1.0, 1.0)], 10.0, 0).is_empty());
    }
}
