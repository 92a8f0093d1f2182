//! Axes: round numbers at even distances.

/// An axis between round numbers, with its ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Where an axis of powers begins; one of even steps begins at 0.
    low: Option<f64>,
    pub high: f64,
    /// Values and what is written at them, ascending, the first at the beginning.
    pub ticks: Vec<(f64, String)>,
}

/// Factors of ten that an axis of powers has at most.
const MOST_DECADES: i32 = 12;

/// Steps between ticks of time, seconds.
const TIME_STEPS: [f64; 19] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0,
    21_600.0, 43_200.0, 86_400.0, 604_800.0,
];

impl Axis {
    /// For values up to `most`, with at most `intervals` intervals between ticks.
    pub fn of_values(most: f64, intervals: usize) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let rough = most / intervals.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        // 25 and 250 are well read between 20 and 50; 2.5 is no count.
        let factors = if power >= 10.0 { [1.0, 2.0, 2.5, 5.0, 10.0] } else { [1.0, 2.0, 5.0, 5.0, 10.0] };
        let step = factors.iter().find(|factor| **factor * power * 1.000_001 >= rough);
        let step = step.unwrap_or(&10.0) * power;
        let count = (most / step - 1e-6).ceil().max(1.0);
        let ticks = (0..=count as usize).map(|tick| tick as f64 * step);
        Self { low: None, high: count * step, ticks: ticks.map(|value| (value, number(value))).collect() }
    }

    /// For a time of `seconds`, with at most `intervals` intervals; it ends where the time ends.
    pub fn of_time(seconds: f64, intervals: usize) -> Self {
        let seconds = if seconds.is_finite() && seconds > 0.0 { seconds } else { 1.0 };
        let rough = seconds / intervals.max(1) as f64;
        let step = TIME_STEPS.iter().find(|step| **step >= rough).copied();
        let step = step.unwrap_or_else(|| (rough / 604_800.0).ceil() * 604_800.0);
        let count = (seconds / step + 1e-6).floor() as usize;
        let ticks = (0..=count).map(|tick| tick as f64 * step);
        Self { low: None, high: seconds, ticks: ticks.map(|at| (at, time_in(at, step))).collect() }
    }

    /// For values from `least` to `most`, both above 0, from one power of ten to another: each factor of ten is
    /// as long as any other. Ticks are at powers, and between them where there are few.
    pub fn of_powers(least: f64, most: f64, intervals: usize) -> Self {
        let (least, most) =
            if least > 0.0 && most >= least && most.is_finite() { (least, most) } else { (1.0, 1.0) };
        let last = (most.log10() - 1e-9).ceil() as i32;
        let first = ((least.log10() + 1e-9).floor() as i32).min(last - 1).max(last - MOST_DECADES);
        let decades = usize::try_from(last - first).unwrap_or(1);
        let between: &[f64] = if decades * 3 <= intervals.max(3) { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let step = decades.div_ceil(intervals.max(1)).max(1);
        let powers = (first..last).step_by(step).map(|power| 10_f64.powi(power));
        let ticks = powers.flat_map(|power| between.iter().map(move |factor| factor * power));
        let (low, high) = (10_f64.powi(first), 10_f64.powi(last));
        let ticks = ticks.chain([high]).map(|value| (value, number(value)));
        Self { low: Some(low), high, ticks: ticks.collect() }
    }

    /// Where a value lies between 0 and 1, kept within.
    pub fn share(&self, value: f64) -> f64 {
        if !value.is_finite() {
            return 1.0;
        }
        let share = match self.low {
            None => value / self.high,
            Some(low) if value > low => (value / low).ln() / (self.high / low).ln(),
            Some(_) => 0.0,
        };
        share.clamp(0.0, 1.0)
    }
}

/// A number as a person writes it: `12,400`, `7.5`, `0.25`.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || (value - value.round()).abs() < 1e-9 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", grouped(whole))
}

fn grouped(whole: &str) -> String {
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time as a person writes it: `45 s`, `12 min`, `1 h 30 min`.
pub fn time(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{} s", number(seconds));
    }
    let whole = seconds.round() as u64;
    let parts = [(whole / 3_600, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    said.join(" ")
}

/// Written in the unit that suits the distance between ticks.
fn time_in(at: f64, step: f64) -> String {
    if at == 0.0 {
        return "0".to_owned();
    }
    match step {
        step if step < 60.0 => time(at),
        step if step < 3_600.0 => format!("{} min", number(at / 60.0)),
        step if step < 86_400.0 => format!("{} h", number(at / 3_600.0)),
        _ => format!("{} d", number(at / 86_400.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn values_are_ticked_at_round_numbers_that_cover_the_most() {
        assert_eq!(labels(&Axis::of_values(12.0, 4)), ["0", "5", "10", "15"]);
        assert_eq!(labels(&Axis::of_values(200.0, 4)), ["0", "50", "100", "150", "200"]);
        assert_eq!(labels(&Axis::of_values(31_000.0, 3)), ["0", "20,000", "40,000"]);
        assert_eq!(labels(&Axis::of_values(0.7, 2)), ["0", "0.5", "1"]);
        for most in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Axis::of_values(most, 4).high, 1.0, "{most}");
        }
        for most in 1..2_000 {
            let axis = Axis::of_values(f64::from(most), 4);
            assert!(axis.high >= f64::from(most) && axis.ticks.len() <= 5, "{most}: {axis:?}");
        }
    }

    #[test]
    fn powers_of_ten_are_equally_far_apart() {
        let axis = Axis::of_powers(0.3, 840.0, 5);
        assert_eq!(labels(&axis), ["0.1", "1", "10", "100", "1,000"]);
        for (value, share) in [(0.1, 0.0), (1.0, 0.25), (100.0, 0.75), (0.0, 0.0), (9e9, 1.0)] {
            assert!((axis.share(value) - share).abs() < 1e-9, "{value}");
        }
        assert_eq!(labels(&Axis::of_powers(3.0, 7.0, 5)), ["1", "2", "5", "10"]);
        assert_eq!(labels(&Axis::of_powers(10.0, 10.0, 5)), ["1", "2", "5", "10"]);
        for (least, most) in [(f64::INFINITY, 0.0), (0.0, 5.0), (f64::NAN, f64::NAN)] {
            assert_eq!(Axis::of_powers(least, most, 5).high, 1.0, "{least} to {most}");
        }
        assert!(Axis::of_powers(1e-300, 1e300, 4).ticks.len() < 8);
    }

    #[test]
    fn time_is_ticked_in_seconds_minutes_or_hours() {
        assert_eq!(labels(&Axis::of_time(600.0, 5)), ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]);
        assert_eq!(labels(&Axis::of_time(45.0, 4)), ["0", "15 s", "30 s", "45 s"]);
        assert_eq!(labels(&Axis::of_time(86_400.0, 4)), ["0", "6 h", "12 h", "18 h", "24 h"]);
        assert_eq!(Axis::of_time(86_400.0 * 400.0, 4).ticks.len(), 4);
    }

    #[test]
    fn numbers_and_times_read_as_written_by_hand() {
        for (value, text) in
            [(12_400.0, "12,400"), (7.5, "7.5"), (0.25, "0.25"), (99.96, "100"), (-1_234.0, "-1,234")]
        {
            assert_eq!(number(value), text);
        }
        for (seconds, text) in [(0.0, "0 s"), (45.0, "45 s"), (60.0, "1 min"), (5_400.0, "1 h 30 min")] {
            assert_eq!(time(seconds), text);
        }
    }
}
