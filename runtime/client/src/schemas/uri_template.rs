//! The grammar of URI templates ([RFC 6570, section 2](https://www.rfc-editor.org/rfc/rfc6570#section-2)).

/// Checks that a text is a URI template.
///
/// # Errors
///
/// What is wrong, for a person.
pub(super) fn check(template: &str) -> Result<(), String> {
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        literal(&rest[..at])?;
        let tail = &rest[at..];
        let Some(inner) = tail.strip_prefix('{') else { return Err("a } closes nothing".to_owned()) };
        let Some(end) = inner.find('}') else { return Err("a { is not closed".to_owned()) };
        expression(&inner[..end])?;
        rest = &inner[end + 1..];
    }
    literal(rest)
}

/// Text outside of expressions.
fn literal(text: &str) -> Result<(), String> {
    match text.chars().find(|one| one.is_control() || " \"'<>\\^`|".contains(*one)) {
        Some(one) => Err(format!("{one:?} has to be percent-encoded")),
        None => Ok(()),
    }
}

fn expression(text: &str) -> Result<(), String> {
    let variables = match text.chars().next() {
        Some(operator) if "+#./;?&".contains(operator) => &text[1..],
        Some(reserved) if "=,!@|".contains(reserved) => {
            return Err(format!("{{{text}}}: {reserved:?} is reserved for extensions"));
        }
        _ => text,
    };
    for variable in variables.split(',') {
        if !is_variable(variable) {
            return Err(format!("{{{text}}}: {variable:?} is not the name of a variable"));
        }
    }
    Ok(())
}

/// A name, with `*` or a length such as `:3`.
fn is_variable(text: &str) -> bool {
    let name = match text.split_once(':') {
        Some((name, length)) => {
            let digits = length.bytes().all(|byte| byte.is_ascii_digit());
            if !digits || length.is_empty() || length.len() > 4 || length.starts_with('0') {
                return false;
            }
            name
        }
        None => text.strip_suffix('*').unwrap_or(text),
    };
    !name.is_empty() && name.split('.').all(|part| !part.is_empty() && is_name(part.as_bytes()))
}

fn is_name(part: &[u8]) -> bool {
    let mut rest = part;
    while let Some((first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => tail,
            (byte, tail) if byte.is_ascii_alphanumeric() || *byte == b'_' => tail,
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_of_the_rfc_are_templates() {
        for template in [
            "http://example.com/~{username}/",
            "http://example.com/search{?q,lang}",
            "{+path}/here{#x,hello}",
            "map?{x,y}{&z*}",
            "X{.var:3}{/list*,path:4}{;x%2Dy,a.b_c}",
            "plain://text",
            "",
        ] {
            assert_eq!(check(template), Ok(()), "{template}");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_the_place() {
        for (template, expected) in [
            ("a{b", "not closed"),
            ("a}b", "closes nothing"),
            ("{}", "not the name"),
            ("{a,}", "\"\" is not the name"),
            ("{a b}", "\"a b\" is not the name"),
            ("{a:0}", "not the name"),
            ("{a:12345}", "not the name"),
            ("{a%2}", "not the name"),
            ("{=a}", "reserved"),
            ("{{a}}", "not the name"),
            ("a b", "percent-encoded"),
        ] {
            let problem = check(template).expect_err(template);
            assert!(problem.contains(expected), "{template}: {problem}");
        }
    }
}
