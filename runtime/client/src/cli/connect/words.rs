//! Words of a line: separated by blanks, with quotes and backslashes as shells have them.

/// A word, and where it begins in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) start: usize,
}

/// Splits a line. A quote that is not closed ends with the line.
pub(super) fn split(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut letters = line.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert(Word { text: String::new(), start: at });
            }
            (Some(open), letter) if open == letter => quote = None,
            (None | Some('"'), '\\') => {
                let escaped = letters.next().map_or('\\', |(_, escaped)| escaped);
                word.get_or_insert(Word { text: String::new(), start: at }).text.push(escaped);
            }
            (_, letter) => word.get_or_insert(Word { text: String::new(), start: at }).text.push(letter),
        }
    }
    words.extend(word);
    words
}

/// A word as it has to be typed.
pub(super) fn quoted(text: &str) -> String {
    let is_plain =
        !text.is_empty() && !text.contains(|one: char| one.is_whitespace() || "\"'\\".contains(one));
    if is_plain {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_split_as_shells_do() {
        for (line, expected) in [
            ("", vec![]),
            ("  call echo  a=b ", vec!["call", "echo", "a=b"]),
            ("a=\"b c\" d='e \"f'", vec!["a=b c", "d=e \"f"]),
            (r#"a=b\ c "d\"e" 'f\g'"#, vec!["a=b c", "d\"e", "f\\g"]),
            ("a=\"open end", vec!["a=open end"]),
            ("\"\" x\\", vec!["", "x\\"]),
            ("größe=ü", vec!["größe=ü"]),
        ] {
            assert_eq!(texts(line), expected, "{line}");
        }
        assert_eq!(split("a  bc")[1].start, 3);
    }

    #[test]
    fn what_is_quoted_is_one_word_again() {
        for text in ["plain", "two words", "", "a\"b", "a\\b", "it's"] {
            assert_eq!(texts(&quoted(text)), [text]);
        }
    }
}
