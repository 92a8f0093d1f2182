//! The times of a schedule: a cron expression in a time zone.
//!
//! Where clocks are changed, the rule is that of cron on Debian and Red Hat (cronie, cron(8)): a time that the
//! clocks skip comes at the moment when they do, and one that they show twice comes once. An expression whose
//! hour begins with `*` goes by the hours that pass, and not by what clocks show.

use super::ScheduledPolicy;
use cronexpr::{Crontab, MakeTimestamp};
use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

/// Looking back for the latest time goes this far, in days, the shortest first.
const LOOK_BACK_DAYS: [i64; 5] = [1, 8, 32, 367, 1470];
/// Times within one look back; a schedule of every minute has so many in a day.
const MOST_TIMES: usize = 1500;
/// Clocks are changed by less than this.
const MOST_CHANGE: SignedDuration = SignedDuration::from_hours(3);

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
pub struct Times {
    kind: TimesKind,
    zone: TimeZone,
}

#[derive(Debug, Clone)]
enum TimesKind {
    /// By the hours that pass: the expression, in the zone.
    Passing(Crontab),
    /// By what clocks show: the expression, as if the zone were UTC.
    Shown(Crontab),
}

impl ScheduledPolicy {
    /// When it applies.
    ///
    /// # Errors
    /// [`ScheduleError`] when the zone or the cron expression cannot be read, or no time matches it.
    pub fn times(&self) -> Result<Times, ScheduleError> {
        let cron = self.cron.split_whitespace().collect::<Vec<_>>().join(" ");
        let zone =
            TimeZone::get(&self.time_zone).ok().filter(|_| !self.time_zone.contains(char::is_whitespace));
        let Some(zone) = zone else { return Err(ScheduleError::Zone { zone: self.time_zone.clone() }) };
        let refused = |why: &str| ScheduleError::Cron { cron: self.cron.clone(), why: why.to_owned() };
        if cron.split(' ').count() != 5 {
            return Err(refused("it does not have five fields"));
        }
        let is_passing = cron.split(' ').nth(1).is_some_and(|hour| hour.starts_with('*'));
        let read_in = if is_passing { self.time_zone.as_str() } else { "UTC" };
        let parsed = cronexpr::parse_crontab(&format!("{cron} {read_in}")).map_err(|error| {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default();
            refused(why.trim_start_matches([' ', '^']))
        })?;
        let kind = if is_passing { TimesKind::Passing(parsed) } else { TimesKind::Shown(parsed) };
        let times = Times { kind, zone };
        match times.next(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(times),
            None => Err(ScheduleError::Never { cron: self.cron.clone() }),
        }
    }
}

impl Times {
    /// The first time after `after`.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.after(after).next()
    }

    /// The latest time that is not after `until`.
    pub fn last(&self, until: Timestamp) -> Option<Timestamp> {
        for days in LOOK_BACK_DAYS {
            let Ok(from) = until.checked_sub(SignedDuration::from_hours(24 * days)) else { continue };
            let times = self.after(from).take(MOST_TIMES);
            if let Some(last) = times.take_while(|time| *time <= until).last() {
                return Some(last);
            }
        }
        None
    }

    /// All times after `after`, in order. One that clocks skip may come more than once.
    fn after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        let (cron, begin) = match &self.kind {
            TimesKind::Passing(cron) => (cron, Some(after)),
            TimesKind::Shown(cron) => {
                let shown = self.zone.to_datetime(after).to_zoned(TimeZone::UTC);
                (cron, shown.ok().and_then(|shown| shown.timestamp().checked_sub(MOST_CHANGE).ok()))
            }
        };
        let found = begin.and_then(|begin| cron.iter_after(MakeTimestamp(begin)).ok());
        let times = found.into_iter().flatten().map_while(Result::ok);
        times
            .map_while(|time| match self.kind {
                TimesKind::Passing(_) => Some(time.timestamp()),
                TimesKind::Shown(_) => self.when_shown(time.datetime()),
            })
            .skip_while(move |time| *time <= after)
    }

    /// When clocks first show a time, or skip it.
    fn when_shown(&self, shown: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        let AmbiguousOffset::Gap { before, .. } = ambiguous.offset() else {
            return ambiguous.earlier().ok();
        };
        // By the clocks of before, what they skip comes at the change or a little later.
        let latest = before.to_timestamp(shown).ok()?.checked_add(SignedDuration::from_secs(1)).ok()?;
        Some(self.zone.preceding(latest).next()?.timestamp())
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
    fn a_time_that_clocks_skip_comes_when_they_do() {
        let times = schedule("30 2 * * *", "Europe/Madrid").times().unwrap();
        assert_eq!(times.next(time("2026-03-28T12:00:00Z")), Some(time("2026-03-29T01:00:00Z")));
        assert_eq!(times.next(time("2026-03-29T01:00:00Z")), Some(time("2026-03-30T00:30:00Z")));
        assert_eq!(times.last(time("2026-03-29T01:10:00Z")), Some(time("2026-03-29T01:00:00Z")));
        assert_eq!(times.last(time("2026-03-29T00:59:59Z")), Some(time("2026-03-28T01:30:00Z")));
        let midnight = schedule("0 0 * * *", "Asia/Beirut").times().unwrap();
        assert_eq!(midnight.next(time("2026-03-28T12:00:00Z")), Some(time("2026-03-28T22:00:00Z")));
        let often = schedule("0,30 2-3 * * *", "Europe/Madrid").times().unwrap();
        assert_eq!(often.next(time("2026-03-29T01:00:00Z")), Some(time("2026-03-29T01:30:00Z")));
    }

    #[test]
    fn a_time_that_clocks_show_twice_comes_once() {
        let times = schedule("30 2 * * *", "Europe/Madrid").times().unwrap();
        assert_eq!(times.next(time("2026-10-24T12:00:00Z")), Some(time("2026-10-25T00:30:00Z")));
        assert_eq!(times.next(time("2026-10-25T00:30:00Z")), Some(time("2026-10-26T01:30:00Z")));
        assert_eq!(times.next(time("2026-10-25T01:10:00Z")), Some(time("2026-10-26T01:30:00Z")));
        assert_eq!(times.last(time("2026-10-25T01:45:00Z")), Some(time("2026-10-25T00:30:00Z")));
    }

    #[test]
    fn a_schedule_of_every_so_many_minutes_goes_on_while_clocks_change() {
        for (from, until) in [
            ("2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"),
            ("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z"),
        ] {
            let times = schedule("*/15 * * * *", "Europe/Madrid").times().unwrap();
            let (mut at, mut count) = (time(from), 0);
            while let Some(next) = times.next(at).filter(|next| *next <= time(until)) {
                (at, count) = (next, count + 1);
            }
            assert_eq!(count, 12, "from {from}");
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
