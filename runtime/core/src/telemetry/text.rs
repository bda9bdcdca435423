//! Text that callers choose, for the log.

/// The longest text of a caller in a line, in characters.
const LONGEST: usize = 300;

/// Shortens and escapes text of a caller: it may be long, and may look like lines of the log.
pub(crate) fn bounded(text: &str) -> String {
    shortened(text, LONGEST)
}

/// The same, up to another number of characters.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let mut bounded = String::with_capacity(text.len().min(longest));
    for character in text.chars().take(longest) {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            bounded.extend(character.escape_default());
        } else {
            bounded.push(character);
        }
    }
    bounded
}

/// Whether text stands in a line as it is, in whichever format: nothing in it has to be escaped.
pub(super) fn is_plain(text: &[u8]) -> bool {
    // Without a branch for each byte.
    text.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~') & (*byte != b'"') & (*byte != b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_caller_is_bounded_and_forges_no_line() {
        assert_eq!(bounded("a\nb\r\u{1b}[31m\u{2028}é\"\\"), "a\\nb\\r\\u{1b}[31m\\u{2028}é\"\\");
        assert_eq!(bounded(&"é".repeat(10_000)).chars().count(), LONGEST);
        assert!(bounded(&"\u{0}".repeat(10_000)).len() <= LONGEST * 8);
    }
}
