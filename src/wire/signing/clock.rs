//! The times of signatures: `20150830T123600Z`.

use jiff::{SignedDuration, Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};

const FORM: &str = "%Y%m%dT%H%M%SZ";
/// How far the clocks of a client and ours may be apart.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Reads `20150830T123600Z`, or the form of a `Date` header.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let basic = DateTime::strptime(FORM, text).ok().and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    basic.or_else(|| rfc2822::parse(text).ok()).map(|time| time.timestamp())
}

pub(super) fn show(time: Timestamp) -> String {
    time.strftime(FORM).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_time_are_read() {
        let time = parse("20150830T123600Z").unwrap();
        assert_eq!(parse("Sun, 30 Aug 2015 12:36:00 GMT"), Some(time));
        assert_eq!(show(time), "20150830T123600Z");
        for bad in ["", "20150830", "2015-08-30T12:36:00Z", "20151330T123600Z", "yesterday"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
