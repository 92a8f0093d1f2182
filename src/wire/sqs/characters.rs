//! Which texts a message may hold: what XML 1.0 can.

/// Whether every character is allowed.
pub(super) fn are_allowed(text: &str) -> bool {
    // Most texts have nothing near what is forbidden: no control character, nothing that begins as U+FFFE does.
    if text.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != 0xef)) {
        return true;
    }
    text.chars().all(|letter| match letter {
        '\t' | '\n' | '\r' => true,
        '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    })
}

/// Longest name of a queue, its ending with it.
pub(super) const LONGEST_NAME: usize = 80;

/// Whether a name of a queue, or an id of a batch entry, is 1 to 80 letters, digits, hyphens or underscores.
pub(super) fn are_of_a_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Whether a message group, a deduplication id or the id of a receive attempt is 1 to 128 letters, digits or
/// punctuation marks.
pub(super) fn are_of_an_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_letters_digits_and_punctuation() {
        for good in ["a", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", &"x".repeat(128)] {
            assert!(are_of_an_id(good), "{good:?}");
        }
        for bad in ["", " ", "a b", "\t", "\u{e9}", &"x".repeat(129)] {
            assert!(!are_of_an_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn emoji_pass_and_control_characters_do_not() {
        for good in ["", "a\t\r\n", "\u{1f600}", "\u{fffd}", "\u{e000}", "\u{7f}", "\u{10ffff}"] {
            assert!(are_allowed(good), "{good:?}");
        }
        for bad in ["\u{0}", "a\u{8}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert!(!are_allowed(bad), "{bad:?}");
        }
    }
}
