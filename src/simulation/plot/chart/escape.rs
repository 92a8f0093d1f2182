//! Text that becomes part of a page.

/// Text that no browser takes for markup, in elements and in quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            control if control.is_control() && control != '\n' => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_quotes_and_control_characters_become_harmless() {
        let text = escaped("<img src=x onerror='a()'> & \"b\"\u{0}\u{1b}[31m");
        assert_eq!(text, "&lt;img src=x onerror=&#39;a()&#39;&gt; &amp; &quot;b&quot;  [31m");
    }
}
