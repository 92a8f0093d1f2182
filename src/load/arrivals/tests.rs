use super::*;
use crate::{
    load::scenario::{Arrival, Stage},
    units::Span,
};
use proptest::prelude::*;

fn span(seconds: f64) -> Span {
    Span(Duration::from_secs_f64(seconds))
}

fn stage(arrival: Arrival, length: f64, spacing: Trickle) -> StagePlan {
    let stage = Stage { name: "one".to_owned(), length: Some(span(length)), arrival, spacing };
    StagePlan::new(&stage, Factors::AS_WRITTEN).unwrap()
}

fn even(arrival: Arrival, length: f64) -> Vec<f64> {
    stage(arrival, length, Trickle::Even).arrivals(1).map(|at| at.as_secs_f64()).collect()
}

fn within(times: &[f64], from: f64, to: f64) -> usize {
    times.iter().filter(|at| (from..to).contains(*at)).count()
}

#[test]
fn a_constant_rate_is_even_and_begins_half_a_record_in() {
    let times = even(Arrival::Constant { rate: 10.0 }, 2.0);
    assert_eq!(times.len(), 20);
    assert!((times[0] - 0.05).abs() < 1e-9 && (times[19] - 1.95).abs() < 1e-9, "{times:?}");
}

#[test]
fn a_ramp_has_three_times_as_many_records_in_its_second_half() {
    let times = even(Arrival::Ramp { from: 0.0, to: 100.0 }, 10.0);
    assert_eq!((times.len(), within(&times, 0.0, 5.0)), (500, 125));
    let down = even(Arrival::Ramp { from: 100.0, to: 0.0 }, 10.0);
    assert_eq!((down.len(), within(&down, 0.0, 5.0)), (500, 375));
}

#[test]
fn stairs_rise_in_equal_steps_to_the_last() {
    let times = even(Arrival::Stairs { from: 10.0, to: 30.0, steps: 3 }, 30.0);
    let steps = [0.0, 10.0, 20.0].map(|from| within(&times, from, from + 10.0));
    assert_eq!(steps, [100, 200, 300]);
    assert_eq!(even(Arrival::Stairs { from: 10.0, to: 30.0, steps: 1 }, 2.0).len(), 60);
}

#[test]
fn a_spike_stands_where_it_was_put() {
    let arrival = Arrival::Spike { base: 10.0, peak: 100.0, after: span(4.0), lasting: span(2.0) };
    let times = even(arrival, 10.0);
    let parts = [(0.0, 4.0), (4.0, 6.0), (6.0, 10.0)].map(|(from, to)| within(&times, from, to));
    assert_eq!(parts, [40, 200, 40]);
}

#[test]
fn nothing_is_due_in_a_pause_and_a_closed_stage_has_no_plan() {
    assert!(even(Arrival::Pause {}, 60.0).is_empty());
    let closed = stage(Arrival::Closed {}, 3.0, Trickle::Even);
    assert_eq!((closed.mode.clone(), closed.length), (Mode::Closed, Duration::from_secs(3)));
    assert_eq!(closed.arrivals(1).count(), 0);
}

#[test]
fn a_trace_takes_its_own_time_or_what_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.csv");
    std::fs::write(&file, "second,arrivals\n0,10\n1,20\n2,30\n").unwrap();
    let count = |length: Option<f64>, times: f64, rates: f64| {
        let arrival = Arrival::Trace { file: file.clone(), scale: 2.0 };
        let stage = Stage { name: "t".to_owned(), length: length.map(span), arrival, spacing: Trickle::Even };
        let plan = StagePlan::new(&stage, Factors { times, rates }).unwrap();
        (plan.arrivals(1).count(), plan.length.as_secs_f64())
    };
    assert_eq!(count(None, 1.0, 1.0), (120, 3.0));
    assert_eq!(count(Some(1.5), 1.0, 1.0), (40, 1.5));
    assert_eq!(count(Some(5.0), 1.0, 1.0), (120, 5.0));
    assert_eq!(count(None, 0.5, 1.0), (60, 1.5));
    assert_eq!(count(None, 1.0, 2.5), (300, 3.0), "rates are multiplied, and the time stays");
}

#[test]
fn chance_repeats_with_its_seed_and_has_the_mean_and_variance_of_a_poisson_process() {
    let plan = stage(Arrival::Constant { rate: 100.0 }, 400.0, Trickle::Poisson);
    let times: Vec<f64> = plan.arrivals(7).map(|at| at.as_secs_f64()).collect();
    assert!(plan.arrivals(7).map(|at| at.as_secs_f64()).eq(times.iter().copied()));
    assert!(!plan.arrivals(8).map(|at| at.as_secs_f64()).eq(times.iter().copied()));
    let mut counts = [0.0_f64; 400];
    times.iter().for_each(|at| counts[*at as usize] += 1.0);
    let mean = counts.iter().sum::<f64>() / 400.0;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 399.0;
    // Four standard deviations of either estimate.
    assert!((mean - 100.0).abs() < 2.0, "{mean}");
    assert!((variance - 100.0).abs() < 30.0, "{variance}");
}

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    let one = (0.0..20.0, 0.0..500.0, 0.0..500.0);
    let one = one.prop_map(|(seconds, from, to)| Stretch { seconds, from, to });
    prop::collection::vec(one, 0..6)
}

proptest! {
    #[test]
    fn any_rate_integrates_to_the_right_number_of_records_in_order(all in stretches()) {
        let records: f64 = all.iter().map(Stretch::records).sum();
        let length: f64 = all.iter().map(|stretch| stretch.seconds).sum();
        let times: Vec<Duration> = Arrivals::new(all, Trickle::Even, 1).collect();
        prop_assert!((times.len() as f64 - records).abs() <= 0.5 + 1e-6, "{} of {records}", times.len());
        prop_assert!(times.is_sorted());
        prop_assert!(times.last().is_none_or(|last| last.as_secs_f64() <= length + 1e-6));
    }

    #[test]
    fn at_any_time_as_many_were_due_as_the_rate_says(all in stretches(), share in 0.0..1.0) {
        let length: f64 = all.iter().map(|stretch| stretch.seconds).sum();
        let (until, mut begin, mut expected): (f64, f64, f64) = (length * share, 0.0, 0.0);
        for stretch in &all {
            let inside = (until - begin).clamp(0.0, stretch.seconds);
            let end = stretch.from + (stretch.to - stretch.from) * inside / stretch.seconds.max(1e-12);
            expected += inside * (stretch.from + end) / 2.0;
            begin += stretch.seconds;
        }
        let due = Arrivals::new(all, Trickle::Even, 1).filter(|at| at.as_secs_f64() <= until).count();
        prop_assert!((due as f64 - expected).abs() <= 1.01, "{due} of {expected}");
    }
}
