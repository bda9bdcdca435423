//! What could be typed next.

use serde_json::Value;

use super::{
    command,
    known::{Lists, named, texts},
    template::{self, Next, Variable},
    words::{Word, quoted, split},
};
use crate::cli::form::{choices, resolved};

/// The levels of log lines.
pub(super) const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// What could stand at the cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Candidates {
    /// Where the text begins that they replace.
    pub(super) start: usize,
    pub(super) texts: Vec<String>,
    /// Whether each text is only the beginning of a word.
    pub(super) goes_on: bool,
    /// What the server has values for.
    pub(super) ask: Option<Argument>,
}

/// An argument of a prompt, or a variable of a resource template, whose values the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    /// An argument of a prompt, with what is typed of it, and the arguments before it.
    Prompt { prompt: String, name: String, value: String, given: Vec<(String, String)> },
    /// A variable of a template.
    Template { template: String, variable: Variable },
}

impl Argument {
    /// The word with a value of the server.
    pub(super) fn word(&self, value: &str) -> String {
        match self {
            Self::Prompt { name, .. } => format!("{name}={}", quoted(value)),
            Self::Template { variable, .. } => quoted(&variable.uri(value)),
        }
    }
}

/// The candidates for a line that ends at the cursor.
pub(super) fn candidates(line: &str, lists: &Lists) -> Candidates {
    let mut words = split(line);
    let is_new = words.is_empty() || line.ends_with(char::is_whitespace) && !ends_in_quote(line, &words);
    if is_new {
        words.push(Word { text: String::new(), start: line.len() });
    }
    let (last, before) = words
        .split_last()
        .map_or((Word { text: String::new(), start: 0 }, &[][..]), |(last, before)| (last.clone(), before));
    let before: Vec<&str> =
        before.iter().map(|word| word.text.as_str()).filter(|word| *word != "--detach").collect();
    let all = match before.as_slice() {
        [] => command::names().into_iter().map(str::to_owned).collect(),
        ["call" | "tool"] => texts(&lists.tools, "name"),
        ["read" | "subscribe"] => return of_resources(Vec::new(), lists, &last),
        ["listen", ..] => {
            return of_resources(["tools", "prompts", "resources"].map(str::to_owned).to_vec(), lists, &last);
        }
        ["unsubscribe"] => lists.subscribed.clone(),
        ["get"] => texts(&lists.prompts, "name"),
        ["task" | "wait" | "cancel"] => lists.tasks.clone(),
        ["log-level"] => LEVELS.map(str::to_owned).to_vec(),
        ["call", tool, given @ ..] => return of_tool(named(&lists.tools, tool), given, &last),
        ["get", prompt, given @ ..] => return of_prompt(named(&lists.prompts, prompt), given, &last),
        _ => Vec::new(),
    };
    starting(all, &last.text, last.start)
}

/// Whether the blank at the end of a line belongs to a word in quotes.
fn ends_in_quote(line: &str, words: &[Word]) -> bool {
    words.last().is_some_and(|last| {
        last.text.ends_with(char::is_whitespace) && line[last.start..].contains(['"', '\''])
    })
}

fn starting(all: Vec<String>, typed: &str, start: usize) -> Candidates {
    let texts = all.into_iter().filter(|one| one.starts_with(typed)).map(|one| quoted(&one)).collect();
    Candidates { start, texts, ..Candidates::default() }
}

/// URIs of resources, and of templates as far as they are known.
fn of_resources(mut all: Vec<String>, lists: &Lists, last: &Word) -> Candidates {
    all.extend(texts(&lists.resources, "uri"));
    let mut found = starting(all, &last.text, last.start);
    for template in texts(&lists.templates, "uriTemplate") {
        match template::next(&template, &last.text) {
            Some(Next::Literal { uri, goes_on }) => {
                found.goes_on |= goes_on;
                let uri = quoted(&uri);
                if !found.texts.contains(&uri) {
                    found.texts.push(uri);
                }
            }
            // The server is asked about one: the person waits.
            Some(Next::Variable(variable)) if found.ask.is_none() => {
                found.goes_on |= variable.goes_on;
                found.ask = Some(Argument::Template { template, variable });
            }
            _ => {}
        }
    }
    found
}

/// Names of arguments that are not there yet, and values of an argument behind its name.
fn of_tool(tool: Option<&Value>, given: &[&str], last: &Word) -> Candidates {
    let Some(tool) = tool else { return starting(Vec::new(), "", last.start) };
    let schema = &tool["inputSchema"];
    let names = schema["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
    match last.text.split_once('=') {
        None => names_of(names, given, last),
        Some((name, typed)) => {
            let property = resolved(&schema["properties"][name], schema);
            values(choices(property), name, typed, last)
        }
    }
}

fn of_prompt(prompt: Option<&Value>, given: &[&str], last: &Word) -> Candidates {
    let Some(prompt) = prompt else { return starting(Vec::new(), "", last.start) };
    let arguments = prompt["arguments"].as_array().map_or(&[][..], Vec::as_slice);
    let Some((name, typed)) = last.text.split_once('=') else {
        return names_of(texts(arguments, "name"), given, last);
    };
    let mut candidates = values(Vec::new(), name, typed, last);
    let given = given.iter().filter_map(|pair| pair.split_once('='));
    candidates.ask = Some(Argument::Prompt {
        prompt: prompt["name"].as_str().unwrap_or_default().to_owned(),
        name: name.to_owned(),
        value: typed.to_owned(),
        given: given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    });
    candidates
}

fn names_of(names: Vec<String>, given: &[&str], last: &Word) -> Candidates {
    let is_given = |name: &String| given.iter().any(|pair| pair.split('=').next() == Some(name));
    let missing = names.into_iter().filter(|name| !is_given(name) && name.starts_with(&last.text));
    let texts = missing.map(|name| format!("{name}=")).collect();
    Candidates { start: last.start, texts, goes_on: true, ask: None }
}

/// Values of an argument, as they stand behind its name.
fn values(all: Vec<String>, name: &str, typed: &str, last: &Word) -> Candidates {
    let fitting = all.into_iter().filter(|one| one.starts_with(typed));
    let texts = fitting.map(|one| format!("{name}={}", quoted(&one))).collect();
    Candidates { start: last.start, texts, ..Candidates::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lists() -> Lists {
        let schema = json!({ "type": "object", "properties": {
            "colour": { "$ref": "#/$defs/colour" }, "count": { "type": "integer" }, "loud": { "type": "boolean" } },
            "$defs": { "colour": { "enum": ["red", "dark red"] } } });
        Lists {
            tools: vec![
                json!({ "name": "paint", "inputSchema": schema }),
                json!({ "name": "ping_all", "inputSchema": {} }),
            ],
            prompts: vec![json!({ "name": "greet", "arguments": [{ "name": "who" }, { "name": "how" }] })],
            resources: vec![json!({ "uri": "server://about" })],
            templates: vec![json!({ "uriTemplate": "event://{source}/{type}" })],
            tasks: vec!["t-1".into()],
            subscribed: vec!["event://a/b".into()],
            is_stale: false,
        }
    }

    #[test]
    fn each_place_of_a_line_has_its_candidates() {
        for (line, start, expected) in [
            ("too", 0, vec!["tool", "tools"]),
            ("call p", 5, vec!["paint", "ping_all"]),
            ("call --detach pa", 14, vec!["paint"]),
            ("call paint ", 11, vec!["colour=", "count=", "loud="]),
            ("call paint count=1 c", 19, vec!["colour="]),
            ("call paint colour=", 11, vec!["colour=red", "colour=\"dark red\""]),
            ("call paint colour=da", 11, vec!["colour=\"dark red\""]),
            ("call paint loud=t", 11, vec!["loud=true"]),
            ("call paint count=", 11, vec![]),
            ("call none ", 10, vec![]),
            ("tool pi", 5, vec!["ping_all"]),
            ("read s", 5, vec!["server://about"]),
            ("read e", 5, vec!["event://"]),
            ("subscribe ", 10, vec!["server://about", "event://"]),
            ("listen tools r", 13, vec!["resources"]),
            ("unsubscribe ", 12, vec!["event://a/b"]),
            ("get g", 4, vec!["greet"]),
            ("get greet who=x ", 16, vec!["how="]),
            ("wait t", 5, vec!["t-1"]),
            ("log-level e", 10, vec!["error", "emergency"]),
            ("quit x", 5, vec![]),
        ] {
            let found = candidates(line, &lists());
            assert_eq!(
                (found.start, found.texts),
                (start, expected.iter().map(ToString::to_string).collect()),
                "{line}"
            );
        }
    }

    #[test]
    fn the_value_of_a_prompt_is_asked_of_the_server() {
        let found = candidates("get greet how=loud who=a", &lists());
        let argument = found.ask.expect("a question");
        let expected = Argument::Prompt {
            prompt: "greet".into(),
            name: "who".into(),
            value: "a".into(),
            given: vec![("how".into(), "loud".into())],
        };
        assert_eq!((found.start, &argument), (19, &expected));
        assert_eq!(argument.word("ada l"), "who=\"ada l\"");
    }

    #[test]
    fn the_value_of_a_variable_is_asked_of_the_server() {
        for (line, name, word, goes_on) in [
            ("read event://o", "source", "event://orders%201/", true),
            ("listen tools event://o/", "type", "event://o/orders%201", false),
        ] {
            let found = candidates(line, &lists());
            let Some(Argument::Template { template, variable }) = &found.ask else {
                panic!("{line}: {found:?}")
            };
            assert_eq!((template.as_str(), variable.name.as_str()), ("event://{source}/{type}", name));
            assert_eq!(
                (found.ask.as_ref().expect("it").word("orders 1"), found.goes_on),
                (word.to_owned(), goes_on)
            );
            assert_eq!(found.start, line.rfind(' ').expect("a blank") + 1);
        }
    }
}
