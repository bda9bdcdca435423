//! Files that list servers: `.mcp.json`, `claude_desktop_config.json`, and the `mcp-stdio.json` of a deployment.
//!
//! ```json
//! { "mcpServers": { "time": { "command": "uvx", "args": ["mcp-server-time"], "env": { "TZ": "${TZ:-UTC}" } } } }
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use mcp_lambda_server::stdio::{ChildPer, Start};
use serde_json::{Map, Value};

use crate::expand::expand;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;
/// The keys under which the servers stand: those of most hosts, and of VS Code.
const SERVERS: [&str; 2] = ["mcpServers", "servers"];
/// Keys of an entry that concern the host, and not the server.
const OF_THE_HOST: [&str; 7] =
    ["alwaysAllow", "autoApprove", "description", "disabledTools", "icon", "timeout", "title"];
/// Keys of servers that are reached over HTTP.
const OF_HTTP: [&str; 6] = ["headers", "headersHelper", "httpUrl", "oauth", "serverUrl", "url"];
/// The keys that are read.
const READ: [&str; 14] = [
    "args",
    "callTimeoutSeconds",
    "childPer",
    "command",
    "cwd",
    "disabled",
    "env",
    "maxChildren",
    "maxProcesses",
    "passEnv",
    "repeatCalls",
    "start",
    "startTimeoutSeconds",
    "type",
];

/// A server of a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) command: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) pass_env: Vec<String>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) child_per: Option<ChildPer>,
    pub(crate) max_children: Option<usize>,
    pub(crate) max_processes: Option<usize>,
    pub(crate) start: Option<Start>,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) repeat_calls: Option<bool>,
}

/// Why a file cannot be used, with the place in it.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{}: {text}", .file.display())]
pub(crate) struct ConfigFileError {
    file: PathBuf,
    text: String,
}

/// Reads the servers that are named, or all that are not disabled.
pub(crate) fn read(
    file: &Path,
    named: &[String],
    look_up: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Entry>, ConfigFileError> {
    let fail = |text: String| ConfigFileError { file: file.to_owned(), text };
    let size = fs::metadata(file).map_err(|error| fail(format!("cannot be read: {error}")))?.len();
    if size > LARGEST {
        return Err(fail(format!("has {size} bytes, and at most {LARGEST} are read")));
    }
    let text = fs::read_to_string(file).map_err(|error| fail(format!("cannot be read: {error}")))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    entries(&text, named, folder, look_up).map_err(fail)
}

/// The servers of the text of a file in a folder.
pub(crate) fn entries(
    text: &str,
    named: &[String],
    folder: &Path,
    look_up: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Entry>, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))?;
    let found = SERVERS.iter().find_map(|key| Some((*key, file.get(key)?)));
    let (key, servers) =
        found.ok_or("has neither mcpServers nor servers: expected an object of servers by name")?;
    let servers =
        servers.as_object().ok_or_else(|| format!("{key} is no object: expected servers by name"))?;
    if let Some(absent) = named.iter().find(|name| !servers.contains_key(*name)) {
        let known: Vec<&str> = servers.keys().map(String::as_str).collect();
        return Err(format!("{key} has no server {absent:?}: it has {}", listed(&known)));
    }
    let mut entries = Vec::new();
    for (name, entry) in servers {
        let is_named = named.contains(name);
        if !is_named && (!named.is_empty() || entry["disabled"] == true) {
            continue;
        }
        let reader = Reader { place: format!("{key}.{name}"), look_up };
        entries.push(reader.entry(name, entry, folder)?);
    }
    if entries.is_empty() {
        return Err(format!("{key} has no server that is to be run"));
    }
    Ok(entries)
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Reads one entry.
struct Reader<'a> {
    place: String,
    look_up: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn entry(&self, name: &str, entry: &Value, folder: &Path) -> Result<Entry, String> {
        let entry = entry.as_object().ok_or_else(|| self.wrong("", "an object with command and args"))?;
        self.check_keys(entry)?;
        let command =
            entry.get("command").ok_or_else(|| self.wrong(".command", "the program of the server"))?;
        let cwd = entry.get("cwd").map(|cwd| self.text(cwd, ".cwd")).transpose()?;
        let child_per = entry
            .get("childPer")
            .map(|value| self.choice(value, ".childPer", &ChildPer::NAMES))
            .transpose()?;
        let start = entry
            .get("start")
            .map(|value| self.choice(value, ".start", &["at-init", "first-use"]))
            .transpose()?;
        Ok(Entry {
            name: name.to_owned(),
            command: self.text(command, ".command")?,
            args: self.texts(entry.get("args"), ".args")?,
            env: self.variables(entry.get("env"))?,
            pass_env: self.texts(entry.get("passEnv"), ".passEnv")?,
            cwd: cwd.map(|cwd| folder.join(cwd)),
            child_per: child_per.and_then(|name| name.parse().ok()),
            max_children: self.number(entry, "maxChildren")?.and_then(|most| usize::try_from(most).ok()),
            max_processes: self.number(entry, "maxProcesses")?.and_then(|most| usize::try_from(most).ok()),
            start: start.map(|name| if name == "first-use" { Start::FirstUse } else { Start::AtInit }),
            start_timeout: self.number(entry, "startTimeoutSeconds")?.map(Duration::from_secs),
            call_timeout: self.number(entry, "callTimeoutSeconds")?.map(Duration::from_secs),
            repeat_calls: self.switch(entry, "repeatCalls")?,
        })
    }

    fn check_keys(&self, entry: &Map<String, Value>) -> Result<(), String> {
        let place = &self.place;
        for key in entry.keys() {
            if OF_HTTP.contains(&key.as_str()) {
                return Err(format!(
                    "{place}.{key}: the server is reached over HTTP, and not started: expected command and args"
                ));
            }
            if key == "envFile" {
                return Err(format!("{place}.envFile is not read: write the variables into env"));
            }
            if !READ.contains(&key.as_str()) && !OF_THE_HOST.contains(&key.as_str()) {
                return Err(format!("{place}.{key} is unknown: expected {}", READ.join(", ")));
            }
        }
        match entry.get("type") {
            None => Ok(()),
            Some(kind) if kind == "stdio" => Ok(()),
            Some(kind) => {
                Err(format!("{place}.type is {kind}: expected \"stdio\", as only such servers are started"))
            }
        }
    }

    fn wrong(&self, key: &str, expected: &str) -> String {
        format!("{}{key}: expected {expected}", self.place)
    }

    fn text(&self, value: &Value, key: &str) -> Result<String, String> {
        let text = value.as_str().ok_or_else(|| self.wrong(key, "a text"))?;
        let text = expand(text, self.look_up).map_err(|error| format!("{}{key}: {error}", self.place))?;
        if text.contains('\0') {
            return Err(self.wrong(key, "a text without the character NUL"));
        }
        Ok(text)
    }

    fn texts(&self, value: Option<&Value>, key: &str) -> Result<Vec<String>, String> {
        let Some(value) = value else { return Ok(Vec::new()) };
        let values = value.as_array().ok_or_else(|| self.wrong(key, "an array of texts"))?;
        values.iter().enumerate().map(|(at, value)| self.text(value, &format!("{key}[{at}]"))).collect()
    }

    fn variables(&self, value: Option<&Value>) -> Result<Vec<(String, String)>, String> {
        let Some(value) = value else { return Ok(Vec::new()) };
        let values = value.as_object().ok_or_else(|| self.wrong(".env", "an object of texts by name"))?;
        let pair = |(name, value): (&String, &Value)| {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(self.wrong(&format!(".env.{name}"), "the name of a variable"));
            }
            Ok((name.clone(), self.text(value, &format!(".env.{name}"))?))
        };
        values.iter().map(pair).collect()
    }

    fn choice<'v>(&self, value: &'v Value, key: &str, names: &[&str]) -> Result<&'v str, String> {
        let chosen = value.as_str().filter(|name| names.contains(name));
        chosen.ok_or_else(|| self.wrong(key, &format!("one of {}", names.join(", "))))
    }

    fn switch(&self, entry: &Map<String, Value>, key: &str) -> Result<Option<bool>, String> {
        let Some(value) = entry.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(&format!(".{key}"), "true or false"))
    }

    fn number(&self, entry: &Map<String, Value>, key: &str) -> Result<Option<u64>, String> {
        let Some(value) = entry.get(key) else { return Ok(None) };
        let number = value.as_u64().filter(|number| (1..=u64::from(u32::MAX)).contains(number));
        number.map(Some).ok_or_else(|| self.wrong(&format!(".{key}"), "a whole number, 1 at least"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(file: &Value, named: &[&str]) -> Result<Vec<Entry>, String> {
        let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        let look_up = |name: &str| (name == "TOKEN").then(|| "secret".to_owned());
        entries(&file.to_string(), &named, Path::new("/project"), &look_up)
    }

    #[test]
    fn an_entry_of_a_host_becomes_a_server() {
        let file = json!({ "mcpServers": {
            "time": { "type": "stdio", "command": "uvx", "args": ["mcp-server-time", "--token=${TOKEN}"], "env": { "A": "${B:-b}" },
                      "cwd": "work", "alwaysAllow": ["*"], "timeout": 60 },
            "off": { "command": "x", "disabled": true },
            "more": { "command": "y", "childPer": "session", "maxChildren": 3, "start": "first-use", "startTimeoutSeconds": 9,
                      "callTimeoutSeconds": 8, "passEnv": ["C"], "repeatCalls": true, "maxProcesses": 9 },
        } });
        let time = Entry {
            name: "time".into(),
            command: "uvx".into(),
            args: vec!["mcp-server-time".into(), "--token=secret".into()],
            env: vec![("A".into(), "b".into())],
            cwd: Some("/project/work".into()),
            ..Entry::default()
        };
        let more = Entry {
            name: "more".into(),
            command: "y".into(),
            pass_env: vec!["C".into()],
            child_per: Some(ChildPer::Session),
            max_children: Some(3),
            max_processes: Some(9),
            start: Some(Start::FirstUse),
            start_timeout: Some(Duration::from_secs(9)),
            call_timeout: Some(Duration::from_secs(8)),
            repeat_calls: Some(true),
            ..Entry::default()
        };
        assert_eq!(read(&file, &[]), Ok(vec![time, more]));
        let off = read(&file, &["off"]).expect("a server that is named runs");
        assert_eq!(off[0].name, "off");
        let servers = json!({ "servers": { "a": { "command": "${TOKEN}" } } });
        assert_eq!(read(&servers, &[]).expect("as VS Code writes it")[0].command, "secret");
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_its_place() {
        let entry = |entry: Value| json!({ "mcpServers": { "a": entry } });
        for (file, text) in [
            (json!([]), "has neither mcpServers nor servers"),
            (json!({ "mcpServers": [] }), "mcpServers is no object"),
            (json!({ "mcpServers": {} }), "mcpServers has no server that is to be run"),
            (entry(json!("npx")), "mcpServers.a: expected an object with command and args"),
            (entry(json!({ "args": [] })), "mcpServers.a.command: expected the program of the server"),
            (entry(json!({ "command": 7 })), "mcpServers.a.command: expected a text"),
            (entry(json!({ "command": "x", "args": "y" })), "mcpServers.a.args: expected an array of texts"),
            (entry(json!({ "command": "x", "args": ["y", 1] })), "mcpServers.a.args[1]: expected a text"),
            (entry(json!({ "command": "x", "env": { "A": 1 } })), "mcpServers.a.env.A: expected a text"),
            (
                entry(json!({ "command": "x", "args": ["${NONE}"] })),
                "mcpServers.a.args[0]: the variable NONE is not set",
            ),
            (
                entry(json!({ "type": "http", "url": "https://x" })),
                "mcpServers.a.url: the server is reached over HTTP",
            ),
            (entry(json!({ "type": "sse" })), "mcpServers.a.type is \"sse\": expected \"stdio\""),
            (entry(json!({ "command": "x", "envFile": ".env" })), "mcpServers.a.envFile is not read"),
            (entry(json!({ "command": "x", "arg": [] })), "mcpServers.a.arg is unknown: expected args,"),
            (
                entry(json!({ "command": "x", "childPer": "user" })),
                "mcpServers.a.childPer: expected one of server,",
            ),
            (
                entry(json!({ "command": "x", "maxChildren": 0 })),
                "mcpServers.a.maxChildren: expected a whole number",
            ),
            (
                entry(json!({ "command": "x", "repeatCalls": "on" })),
                "mcpServers.a.repeatCalls: expected true or false",
            ),
        ] {
            let error = read(&file, &[]).expect_err(text);
            assert!(error.starts_with(text), "{error}");
        }
        let absent = read(&entry(json!({ "command": "x" })), &["b"]).expect_err("it is absent");
        assert_eq!(absent, "mcpServers has no server \"b\": it has a");
        let broken = entries("{", &[], Path::new(""), &|_| None).expect_err("no JSON");
        assert!(broken.starts_with("is no JSON: "), "{broken}");
    }
}
