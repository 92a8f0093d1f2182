//! Measures as a person reads them: three digits or so, with their unit.

pub use crate::units::{count, counted};

use crate::simulation::plot::chart::number;

const KIB: f64 = 1_024.0;

/// A length of time: `480 µs`, `312 ms`, `1.25 s`, `2 min 5 s`.
pub fn duration(seconds: f64) -> String {
    match seconds.abs() {
        0.0 => "0 s".to_owned(),
        size if size < 999.5e-6 => format!("{} µs", number((seconds * 1e6).max(1.0))),
        size if size < 0.999_5 => format!("{} ms", number(seconds * 1e3)),
        _ => crate::simulation::plot::chart::time(seconds),
    }
}

/// A share of 0 to 1 in percent; what is more than nothing is never shown as nothing.
pub fn share(share: f64) -> String {
    if share > 0.0 && share < 0.000_05 {
        return "< 0.01 %".to_owned();
    }
    format!("{} %", number(share * 100.0))
}

/// A size in memory: `512 B`, `312 MiB`.
pub fn bytes(bytes: f64) -> String {
    let units = [(KIB * KIB * KIB, "GiB"), (KIB * KIB, "MiB"), (KIB, "KiB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{} {unit}", number(bytes / size)),
        None => format!("{} B", number(bytes)),
    }
}

/// Records per second: `1,250/s`.
pub fn rate(per_second: f64) -> String {
    format!("{}/s", number(per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_has_the_unit_that_suits_its_size() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.000_000_2, "1 µs"),
            (0.000_48, "480 µs"),
            (0.000_999_9, "1 ms"),
            (0.312_4, "312 ms"),
            (0.004_25, "4.25 ms"),
            (0.999_9, "1 s"),
            (1.25, "1.25 s"),
            (125.0, "2 min 5 s"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!([0.0, 0.000_001, 0.001, 0.25].map(share), ["0 %", "< 0.01 %", "0.1 %", "25 %"]);
        assert_eq!(
            [512.0, 2_048.0, 327_155_712.0, 3_221_225_472.0].map(bytes),
            ["512 B", "2 KiB", "312 MiB", "3 GiB"]
        );
        assert_eq!((rate(1_250.4), count(1_204_311)), ("1,250/s".to_owned(), "1,204,311".to_owned()));
        assert_eq!(
            (counted(1, "record"), counted(1_200, "record")),
            ("1 record".into(), "1,200 records".into())
        );
    }
}
