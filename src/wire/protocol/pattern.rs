//! The patterns of service models: Java's, matched in time that grows with the text alone. They are
//! shown to clients as they are written; a whole text matches or does not.

use regex::Regex;
use std::{fmt, sync::OnceLock};

/// A pattern as the service model writes it.
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// As AWS shows it.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Whether the whole text matches. A pattern that cannot be compiled refuses nothing.
    pub fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| compile(self.text));
        debug_assert!(compiled.is_some(), "{} is no pattern", self.text);
        compiled.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }
}

/// Digits and blanks are ASCII's in Java.
fn compile(pattern: &str) -> Option<Regex> {
    let ascii = pattern.replace("\\d", "[0-9]").replace("\\S", "[^ \\t-\\r]").replace("\\s", "[ \\t-\\r]");
    Regex::new(&format!("\\A(?:{ascii})\\z")).ok()
}

impl fmt::Debug for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pattern({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &'static str, text: &str) -> bool {
        Pattern::new(pattern).matches(text)
    }

    #[test]
    fn names_of_streams_are_told_from_others() {
        let name = "[a-zA-Z0-9_.-]+";
        for good in ["a", "trips", "A-b_c.9", "-", "_"] {
            assert!(matches(name, good), "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", "a\n"] {
            assert!(!matches(name, bad), "{bad}");
        }
    }

    #[test]
    fn hash_keys_and_sequence_numbers_have_no_leading_zero() {
        let key = "0|([1-9]\\d{0,38})";
        let anchored = "^(0|([1-9]\\d{0,38}))$";
        for pattern in [key, anchored] {
            assert!(matches(pattern, "0") && matches(pattern, "170141183460469231731687303715884105728"));
            for bad in ["", "01", "-1", "1a", "00", &"9".repeat(40)] {
                assert!(!matches(pattern, bad), "{bad}");
            }
        }
    }

    #[test]
    fn resource_names_may_have_anything_where_a_star_stands() {
        let arn = "arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+";
        assert!(matches(arn, "arn:aws:kinesis:us-east-1:000000000000:stream/trips"));
        assert!(matches(arn, "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a/consumer/b:1"));
        for bad in ["arn:aws:kinesis:us-east-1:0:stream/a", "arn:aws:kinesis:x:000000000000:stream/", "trips"]
        {
            assert!(!matches(arn, bad), "{bad}");
        }
        let consumer =
            "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+";
        assert!(matches(consumer, "arn:aws:kinesis:eu-west-1:000000000000:stream/a/consumer/b:1700000000"));
        assert!(!matches(consumer, "arn:aws:kinesis:eu-west-1:000000000000:stream/a"));
    }

    #[test]
    fn classes_may_be_negated_hold_escapes_and_end_in_a_hyphen() {
        assert!(matches("[^:*]*", "anything else") && !matches("[^:*]*", "a:b"));
        assert!(matches("[0-9A-Za-z!\\-_'.*()\\/]+", "a-b_c'(/)") && !matches("[0-9A-Za-z!\\-_]+", "#"));
        assert!(matches("[\\d-]+", "1-2") && matches("(ab|c)?d{2,}", "abddd") && !matches("d{2,}", "d"));
    }

    #[test]
    fn a_text_that_would_make_others_try_everything_takes_no_longer() {
        let text = "a".repeat(20_000);
        assert!(!matches("(a*)*(a+)+b", &text));
    }

    #[test]
    fn digits_and_blanks_are_those_of_ascii() {
        assert!(matches("\\d+", "42") && !matches("\\d+", "\u{664}\u{662}"));
        assert!(matches("\\S", "\u{a0}") && !matches("\\S", "\t") && matches("\\s\\s", " \n"));
    }

    #[test]
    fn what_is_not_a_pattern_is_found_out() {
        for broken in ["(", "a)", "[a", "a{", "a{x}", "*", "a{2,1}", "\\"] {
            assert!(compile(broken).is_none(), "{broken}");
        }
    }
}
