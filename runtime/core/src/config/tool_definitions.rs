//! Definitions of tools in a file: another name, title or description, whether a tool is there, and what its calls may do.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use config::{File, FileFormat, Map, Value, ValueKind};

use crate::error::ConfigError;

/// The names of the file, of which one is beside the program.
const NAMES: [&str; 4] =
    ["tool_definitions.yaml", "tool_definitions.yml", "tool_definitions.toml", "tool_definitions.json"];

/// The keys of a tool.
const KEYS: [&str; 7] =
    ["name", "title", "description", "enabled", "scopes", "timeout_seconds", "rate_limit"];
const RATE_KEYS: [&str; 2] = ["calls", "per_seconds"];
/// The longest timeout and window: a day.
const LONGEST: u64 = 24 * 60 * 60;

/// The definitions of a file, by the names that the program gives its tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ToolDefinitions(pub(crate) BTreeMap<String, ToolDefinition>);

/// What is different of a tool. `None`: as the program has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolDefinition {
    /// The name that clients see.
    pub(crate) name: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) enabled: bool,
    /// Scopes that a caller needs, besides those of the program.
    pub(crate) scopes: Vec<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) rate_limit: Option<RateLimit>,
}

/// How many calls one caller may make in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit {
    pub(crate) calls: u32,
    pub(crate) per: Duration,
}

/// The file in the first folder that has one.
pub(super) fn find(folders: &[PathBuf]) -> Option<PathBuf> {
    let all = folders.iter().flat_map(|folder| NAMES.iter().map(|name| folder.join(name)));
    all.into_iter().find(|path| path.is_file())
}

/// What a client means by the name of a tool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meant<'a> {
    /// The tool of the program with this name, as it is.
    Same,
    /// The tool of the program with another name, or with a definition.
    Defined(&'a str, &'a ToolDefinition),
    /// None: the tool is disabled, or clients know it by another name.
    None,
}

impl ToolDefinitions {
    pub(crate) fn meant(&self, by_clients: &str) -> Meant<'_> {
        let shown = self.0.iter().find(|(name, tool)| tool.shown(name) == by_clients);
        match shown {
            Some((name, tool)) if tool.enabled => Meant::Defined(name, tool),
            Some(_) => Meant::None,
            None if self.0.contains_key(by_clients) => Meant::None,
            None => Meant::Same,
        }
    }

    /// The definition of a tool, by the name that the program gives it.
    pub(crate) fn of(&self, name: &str) -> Option<&ToolDefinition> {
        self.0.get(name)
    }

    /// The scopes that tools need, each once.
    pub(crate) fn scopes(&self) -> BTreeSet<String> {
        self.0.values().flat_map(|tool| tool.scopes.iter().cloned()).collect()
    }

    /// The error of a tool that the server does not have, with those that it has.
    pub(crate) fn unknown_tool(path: &Path, name: &str, known: &[String]) -> ConfigError {
        let alike = known.iter().map(|known| (strsim::normalized_damerau_levenshtein(name, known), known));
        let nearest = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
        let hint = match nearest.filter(|(likeness, _)| *likeness >= 0.5) {
            Some((_, nearest)) => format!("did you mean {nearest}?"),
            None => "expected the name that the program gives it".to_owned(),
        };
        let problem = format!("tools.{name} is a tool that this server does not have: {hint}");
        ConfigError::of_file(&path.display().to_string(), &problem)
    }

    /// Whether a tool needs scopes.
    pub(crate) fn has_scopes(&self) -> bool {
        self.0.values().any(|tool| !tool.scopes.is_empty())
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => FileFormat::Yaml,
            Some("toml") => FileFormat::Toml,
            Some("json") => FileFormat::Json,
            _ => {
                let expected = "a file that ends in .yaml, .yml, .toml or .json";
                return Err(ConfigError::new("MCP_TOOL_DEFINITIONS", file, expected));
            }
        };
        let source = File::from(path).format(format);
        let parsed = config::Config::builder().add_source(source).build();
        let table = parsed.and_then(|config| config.cache.into_table());
        let table =
            table.map_err(|error| ConfigError::of_file(&file, &format!("cannot be read: {error}")))?;
        Self::from_table(table).map_err(|problem| ConfigError::of_file(&file, &problem))
    }

    fn from_table(table: Map<String, Value>) -> Result<Self, String> {
        let mut tools = BTreeMap::new();
        for (key, value) in sorted(table) {
            if key != "tools" {
                return Err(unknown(&key, &["tools"]));
            }
            for (name, value) in sorted(as_table("tools", value)?) {
                let place = format!("tools.{name}");
                let tool = ToolDefinition::from_table(&place, as_table(&place, value)?)?;
                tools.insert(name, tool);
            }
        }
        let mut shown = BTreeSet::new();
        for (name, tool) in &tools {
            let name = tool.shown(name);
            if !shown.insert(name) {
                return Err(format!("two tools would have the name {name:?}: expected a name for each"));
            }
        }
        Ok(Self(tools))
    }
}

impl ToolDefinition {
    /// The name that clients see, of a tool to which the program gives this name.
    pub(crate) fn shown<'a>(&'a self, name: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(name)
    }

    fn from_table(place: &str, table: Map<String, Value>) -> Result<Self, String> {
        let mut tool = Self {
            name: None,
            title: None,
            description: None,
            enabled: true,
            scopes: Vec::new(),
            timeout: None,
            rate_limit: None,
        };
        for (key, value) in sorted(table) {
            let at = format!("{place}.{key}");
            match key.as_str() {
                "name" => tool.name = Some(tool_name(&at, value)?),
                "title" => tool.title = Some(text(&at, value)?),
                "description" => tool.description = Some(text(&at, value)?),
                "enabled" => tool.enabled = switch(&at, &value)?,
                "scopes" => tool.scopes = texts(&at, value)?,
                "timeout_seconds" => tool.timeout = Some(Duration::from_secs(number(&at, value, LONGEST)?)),
                "rate_limit" => tool.rate_limit = Some(rate_limit(&at, value)?),
                _ => return Err(unknown(&at, &KEYS)),
            }
        }
        Ok(tool)
    }
}

fn rate_limit(place: &str, value: Value) -> Result<RateLimit, String> {
    let (mut calls, mut seconds) = (None, None);
    for (key, value) in sorted(as_table(place, value)?) {
        let at = format!("{place}.{key}");
        match key.as_str() {
            "calls" => calls = u32::try_from(number(&at, value, u64::from(u32::MAX))?).ok(),
            "per_seconds" => seconds = Some(number(&at, value, LONGEST)?),
            _ => return Err(unknown(&at, &RATE_KEYS)),
        }
    }
    let calls = calls.ok_or_else(|| format!("{place}.calls is required"))?;
    let seconds = seconds.ok_or_else(|| format!("{place}.per_seconds is required"))?;
    Ok(RateLimit { calls, per: Duration::from_secs(seconds) })
}

/// In the order of the names, so that the same file gives the same error.
fn sorted(table: Map<String, Value>) -> BTreeMap<String, Value> {
    table.into_iter().collect()
}

fn as_table(place: &str, value: Value) -> Result<Map<String, Value>, String> {
    match value.kind {
        ValueKind::Table(table) => Ok(table),
        _ => Err(format!("{place}: expected keys and values")),
    }
}

fn text(place: &str, value: Value) -> Result<String, String> {
    match value.kind {
        ValueKind::String(text) if !text.trim().is_empty() => Ok(text),
        _ => Err(format!("{place}: expected a text")),
    }
}

fn texts(place: &str, value: Value) -> Result<Vec<String>, String> {
    match value.kind {
        ValueKind::Array(items) => items.into_iter().map(|item| text(place, item)).collect(),
        _ => Err(format!("{place}: expected a list of texts")),
    }
}

fn tool_name(place: &str, value: Value) -> Result<String, String> {
    let name = text(place, value)?;
    let is_valid =
        name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b));
    if is_valid {
        Ok(name)
    } else {
        Err(format!("{place} is {name:?}: expected 1 to 128 of A-Z a-z 0-9 _ - . /"))
    }
}

fn switch(place: &str, value: &Value) -> Result<bool, String> {
    match value.kind {
        ValueKind::Boolean(is) => Ok(is),
        _ => Err(format!("{place}: expected true or false")),
    }
}

fn number(place: &str, value: Value, most: u64) -> Result<u64, String> {
    let number = value.into_uint().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("{place}: expected a whole number from 1 to {most}"))
}

fn unknown(place: &str, known: &[&str]) -> String {
    let key = place.rsplit('.').next().unwrap_or(place);
    let alike = known.iter().map(|name| (strsim::normalized_damerau_levenshtein(key, name), name));
    let (likeness, nearest) =
        alike.max_by(|(one, _), (other, _)| one.total_cmp(other)).unwrap_or((0.0, &known[0]));
    if likeness >= 0.5 {
        format!("{place} is an unknown key: did you mean {nearest}?")
    } else {
        format!("{place} is an unknown key: expected one of {}", known.join(", "))
    }
}
