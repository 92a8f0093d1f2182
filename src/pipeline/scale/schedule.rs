//! The times of a schedule: a cron expression in a time zone.

use super::ScheduledPolicy;
use cronexpr::{Crontab, MakeTimestamp};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// Looking back for the latest time goes this far, in days, the shortest first.
const LOOK_BACK_DAYS: [i64; 5] = [1, 8, 32, 367, 1470];
/// Times within one look back; a schedule of every minute has so many in a day.
const MOST_TIMES: usize = 1500;

/// Why a schedule cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error(
        "{zone:?} is no time zone; write its name in the IANA database, such as \"Europe/Madrid\" or \"UTC\""
    )]
    Zone { zone: String },
    #[error(
        "{cron:?} is no schedule: {why}; write minute, hour, day of month, month and day of week, such as \"0 8 * * 1-5\""
    )]
    Cron { cron: String, why: String },
    #[error("{cron:?} never comes; choose a day that the month has")]
    Never { cron: String },
}

/// The times at which a schedule applies.
#[derive(Debug, Clone)]
pub struct Times(Crontab);

impl ScheduledPolicy {
    /// When it applies.
    ///
    /// # Errors
    /// [`ScheduleError`] when the zone or the cron expression cannot be read, or no time matches it.
    pub fn times(&self) -> Result<Times, ScheduleError> {
        let cron = self.cron.split_whitespace().collect::<Vec<_>>().join(" ");
        if TimeZone::get(&self.time_zone).is_err() || self.time_zone.contains(char::is_whitespace) {
            return Err(ScheduleError::Zone { zone: self.time_zone.clone() });
        }
        let refused = |why: &str| ScheduleError::Cron { cron: self.cron.clone(), why: why.to_owned() };
        if cron.split(' ').count() != 5 {
            return Err(refused("it does not have five fields"));
        }
        let parsed = cronexpr::parse_crontab(&format!("{cron} {}", self.time_zone));
        let times = parsed.map(Times).map_err(|error| {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default();
            refused(why.trim_start_matches([' ', '^']))
        })?;
        match times.next(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(times),
            None => Err(ScheduleError::Never { cron: self.cron.clone() }),
        }
    }
}

impl Times {
    /// The first time after `after`.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.0.find_next(MakeTimestamp(after)).ok().map(|time| time.timestamp())
    }

    /// The latest time that is not after `until`.
    pub fn last(&self, until: Timestamp) -> Option<Timestamp> {
        for days in LOOK_BACK_DAYS {
            let Ok(from) = until.checked_sub(SignedDuration::from_hours(24 * days)) else { continue };
            let Ok(times) = self.0.iter_after(MakeTimestamp(from)) else { continue };
            let times = times.take(MOST_TIMES).map_while(Result::ok).map(|time| time.timestamp());
            if let Some(last) = times.take_while(|time| *time <= until).last() {
                return Some(last);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(cron: &str, zone: &str) -> ScheduledPolicy {
        let (cron, time_zone) = (cron.to_owned(), zone.to_owned());
        ScheduledPolicy { cron, time_zone, min: None, max: None, desired: None }
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn eight_in_madrid_is_six_or_seven_in_utc() {
        let times = schedule("0 8 * * 1-5", "Europe/Madrid").times().unwrap();
        assert_eq!(times.next(time("2026-07-17T06:30:00Z")), Some(time("2026-07-20T06:00:00Z")));
        assert_eq!(times.next(time("2026-12-01T00:00:00Z")), Some(time("2026-12-01T07:00:00Z")));
        assert_eq!(times.last(time("2026-07-19T12:00:00Z")), Some(time("2026-07-17T06:00:00Z")));
        assert_eq!(times.last(time("2026-07-17T06:00:00Z")), Some(time("2026-07-17T06:00:00Z")));
    }

    #[test]
    fn the_latest_of_rare_and_of_frequent_times_is_found() {
        let now = time("2026-03-02T10:00:30Z");
        for (cron, last) in [
            ("* * * * *", "2026-03-02T10:00:00Z"),
            ("30 4 1 * *", "2026-03-01T04:30:00Z"),
            ("0 0 29 2 *", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(schedule(cron, "UTC").times().unwrap().last(now), Some(time(last)), "{cron}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused_with_the_value_and_the_remedy() {
        for (cron, zone, says) in [
            ("0 25 * * *", "UTC", "\"0 25 * * *\" is no schedule: value must be in range 0..=23; found 25;"),
            ("0 8 * *", "UTC", "it does not have five fields"),
            ("0 8 * * * Asia/Shanghai", "UTC", "it does not have five fields"),
            ("0 8 * * *", "Europe/Madird", "\"Europe/Madird\" is no time zone"),
            ("0 8 30 2 *", "UTC", "never comes"),
        ] {
            let refused = schedule(cron, zone).times().unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
