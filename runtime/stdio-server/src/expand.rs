//! Variables in the texts of a configuration file: `${NAME}` and `${NAME:-default}`, as Claude Code expands them.
//! <https://code.claude.com/docs/en/mcp#environment-variable-expansion-in-mcp-json> (read 2026-11-27).

/// Expands a text. `look_up` knows the variables. The error names the one that is not set.
pub(crate) fn expand(text: &str, look_up: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else { break };
        expanded.push_str(before);
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        match look_up(name).filter(|_| is_name(name)).or(default.map(str::to_owned)) {
            Some(value) => expanded.push_str(&value),
            // Not a variable at all: such texts are for the shell of a server.
            None if !is_name(name) => expanded.push_str(&format!("${{{inside}}}")),
            None => {
                return Err(format!("the variable {name} is not set: set it, or write ${{{name}:-default}}"));
            }
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_name(text: &str) -> bool {
    let is_start = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    is_start && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let known = |name: &str| match name {
            "HOME" => Some("/home/ada".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOME}".to_owned()),
            _ => None,
        };
        expand(text, &known)
    }

    #[test]
    fn variables_are_expanded_once_and_with_their_defaults() {
        for (text, expected) in [
            ("plain", "plain"),
            ("${HOME}/a ${HOME}", "/home/ada/a /home/ada"),
            ("${ABSENT:-a b}", "a b"),
            ("${ABSENT:-}", ""),
            ("${EMPTY:-default}", ""),
            // What a variable holds is not read again.
            ("${NESTED}", "${HOME}"),
            ("$HOME ${HOME", "$HOME ${HOME"),
            ("${#array[@]} ${1}", "${#array[@]} ${1}"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
        let error = expanded("a${ABSENT}").expect_err("it is not set");
        assert_eq!(error, "the variable ABSENT is not set: set it, or write ${ABSENT:-default}");
    }
}
