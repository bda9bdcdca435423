//! The commands of a person: their table, and how a line is read.

use super::words;

/// A command, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Server,
    Tools,
    Tool(String),
    Call { tool: String, given: Given, detach: bool },
    Resources,
    Read(String),
    Prompts,
    Get { prompt: String, given: Given },
    Subscribe(String),
    Unsubscribe(String),
    Listen(Vec<String>),
    Unlisten,
    Tasks,
    Task(String),
    WaitTask(String),
    CancelTask(String),
    Ping,
    LogLevel(String),
    Session,
    Leave,
    Quit,
}

/// Arguments as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    /// `NAME=VALUE`, any number of them.
    Pairs(Vec<String>),
    /// A JSON object.
    Json(String),
}

/// The commands: the form of each, and what it does.
pub(super) const COMMANDS: [(&str, &str); 22] = [
    ("tools", "lists the tools"),
    ("tool NAME", "shows the schemas of a tool"),
    ("call NAME [ARGUMENT=VALUE...]", "calls a tool; asks for what is missing. Ctrl-C cancels the call"),
    ("call NAME {JSON}", "calls a tool with a JSON object; --detach before it prints the task and goes on"),
    ("resources", "lists the resources and the templates of resources"),
    ("read URI", "reads a resource"),
    ("prompts", "lists the prompts"),
    ("get NAME [ARGUMENT=VALUE...]", "shows the messages of a prompt"),
    ("subscribe URI", "shows when a resource changes"),
    ("unsubscribe URI", "ends that"),
    (
        "listen [tools|prompts|resources|URI...]",
        "shows changes of lists and resources as they happen; all lists without a word",
    ),
    ("unlisten", "ends all that"),
    ("tasks", "lists the tasks: those of the session, or in 2026-07-28 those that were begun here"),
    ("task ID", "shows a task"),
    ("wait ID", "waits for the end of a task, answers its questions, and shows its result"),
    ("cancel ID", "cancels a task"),
    (
        "log-level LEVEL",
        "asks for log lines: debug, info, notice, warning, error, critical, alert, emergency",
    ),
    ("ping", "measures a round trip"),
    ("server", "shows what the server says of itself"),
    ("session", "shows the id of the session"),
    ("leave", "ends the program, and leaves the session open for --session-id"),
    ("quit", "ends the program and the session"),
];

/// The first words of all commands.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = COMMANDS.iter().filter_map(|(form, _)| form.split(' ').next()).collect();
    names.push("help");
    names.sort_unstable();
    names.dedup();
    names
}

/// Reads a line. `None` if there is nothing on it.
///
/// # Errors
///
/// What is wrong with the line, and what was expected.
pub(super) fn read(line: &str) -> Result<Option<Command>, String> {
    let words = words::split(line);
    let Some((first, rest)) = words.split_first() else { return Ok(None) };
    // A comment of a script.
    if first.text.starts_with('#') {
        return Ok(None);
    }
    let texts: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
    let name = first.text.as_str();
    let command = match (name, texts.as_slice()) {
        ("help" | "?", []) => Command::Help,
        ("server", []) => Command::Server,
        ("tools", []) => Command::Tools,
        ("tool", [tool]) => Command::Tool((*tool).to_owned()),
        ("call", ["--detach", tool, ..]) => call(line, tool, &rest[1..], true),
        ("call", [tool, ..]) => call(line, tool, rest, false),
        ("resources", []) => Command::Resources,
        ("read", [uri]) => Command::Read((*uri).to_owned()),
        ("prompts", []) => Command::Prompts,
        ("get", [prompt, ..]) => Command::Get { prompt: (*prompt).to_owned(), given: given(line, rest) },
        ("subscribe", [uri]) => Command::Subscribe((*uri).to_owned()),
        ("unsubscribe", [uri]) => Command::Unsubscribe((*uri).to_owned()),
        ("listen", what) => Command::Listen(what.iter().map(ToString::to_string).collect()),
        ("unlisten", []) => Command::Unlisten,
        ("tasks", []) => Command::Tasks,
        ("task", [id]) => Command::Task((*id).to_owned()),
        ("wait", [id]) => Command::WaitTask((*id).to_owned()),
        ("cancel", [id]) => Command::CancelTask((*id).to_owned()),
        ("ping", []) => Command::Ping,
        ("log-level", [level]) => Command::LogLevel((*level).to_owned()),
        ("session", []) => Command::Session,
        ("leave", []) => Command::Leave,
        ("quit" | "exit", []) => Command::Quit,
        (other, _) => return Err(unknown(other)),
    };
    Ok(Some(command))
}

fn unknown(name: &str) -> String {
    let forms: Vec<&str> = COMMANDS.iter().map(|(form, _)| *form).collect();
    let of_name: Vec<&str> = forms.into_iter().filter(|form| form.split(' ').next() == Some(name)).collect();
    if of_name.is_empty() {
        format!("{name:?} is no command; `help` lists the commands")
    } else {
        format!("{name}: expected {}", of_name.join(" or "))
    }
}

fn call(line: &str, tool: &str, rest: &[words::Word], detach: bool) -> Command {
    Command::Call { tool: tool.to_owned(), given: given(line, rest), detach }
}

/// What follows a name: JSON as it was typed, or words.
fn given(line: &str, rest: &[words::Word]) -> Given {
    let arguments = rest.get(1..).unwrap_or_default();
    match arguments.first() {
        Some(first) if line[first.start..].starts_with('{') => {
            Given::Json(line[first.start..].trim_end().to_owned())
        }
        _ => Given::Pairs(arguments.iter().map(|word| word.text.clone()).collect()),
    }
}

/// The table of commands as text.
pub(super) fn help() -> String {
    let width = COMMANDS.iter().map(|(form, _)| form.len()).max().unwrap_or(0);
    let lines: Vec<String> = COMMANDS.iter().map(|(form, text)| format!("{form:width$}  {text}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(all: &[&str]) -> Given {
        Given::Pairs(all.iter().map(ToString::to_string).collect())
    }

    fn call(given: Given, detach: bool) -> Command {
        Command::Call { tool: "t".into(), given, detach }
    }

    #[test]
    fn lines_are_read_as_commands() {
        for (line, expected) in [
            ("tools", Command::Tools),
            ("call t", call(pairs(&[]), false)),
            ("call t a=1 'b=x y'", call(pairs(&["a=1", "b=x y"]), false)),
            ("call --detach t a=1", call(pairs(&["a=1"]), true)),
            (r#"call t {"a": "b c"}  "#, call(Given::Json(r#"{"a": "b c"}"#.into()), false)),
            (r#"call --detach t {}"#, call(Given::Json("{}".into()), true)),
            ("get p x=y", Command::Get { prompt: "p".into(), given: pairs(&["x=y"]) }),
            ("listen", Command::Listen(vec![])),
            ("listen tools event://a/b", Command::Listen(vec!["tools".into(), "event://a/b".into()])),
            ("?", Command::Help),
            ("exit", Command::Quit),
        ] {
            assert_eq!(read(line), Ok(Some(expected)), "{line}");
        }
        assert_eq!(read("  "), Ok(None));
        assert_eq!(read("# a comment"), Ok(None));
    }

    #[test]
    fn what_is_no_command_is_refused_with_what_was_expected() {
        for (line, expected) in [
            ("toolz", "\"toolz\" is no command"),
            ("tool", "tool: expected tool NAME"),
            ("read a b", "read: expected read URI"),
            ("call", "call NAME [ARGUMENT=VALUE...] or call NAME {JSON}"),
            ("tools now", "expected tools"),
        ] {
            let problem = read(line).expect_err(line);
            assert!(problem.contains(expected), "{line}: {problem}");
        }
    }

    /// The table is what `help` shows and completion offers: a command that is not in it would be secret.
    #[test]
    fn every_command_of_the_table_can_be_read() {
        for (form, _) in COMMANDS {
            let line = form.split(" [").next().expect("a form").replace("{JSON}", "{}");
            assert!(matches!(read(&line), Ok(Some(_))), "{line}");
        }
        assert!(names().contains(&"help") && names().contains(&"call"));
    }
}
