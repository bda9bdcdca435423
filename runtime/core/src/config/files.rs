//! Settings in a file: `mcp_config.toml` or `mcp_config.json`.

use std::{collections::BTreeMap, path::PathBuf};

use config::{File, FileFormat, Map, Value, ValueKind};

use super::{
    from_file::FromFile,
    variables::{
        CONFIG_FILE, OTEL_RESOURCE, OTLP_HEADERS, SCOPE_HIERARCHY, TOOL_SCOPES, VARIABLES, Variable,
        is_of_lambda,
    },
};
use crate::error::ConfigError;

const NAMES: [&str; 2] = ["mcp_config.toml", "mcp_config.json"];
/// The variables with entries, which a file may write as a table.
const TABLES: [Variable; 4] = [TOOL_SCOPES, SCOPE_HIERARCHY, OTLP_HEADERS, OTEL_RESOURCE];
/// How alike a name must be to be proposed for another one.
const ALIKE: f64 = 0.6;

/// Settings of the `mcp_config.json` of lambda-turul-mcp-server, and what they are here. An entry that ends in `_` is a group.
const ELSEWHERE: [(&str, &str); 13] = [
    ("session_config_default_ttl_seconds", "session_ttl_minutes, in minutes"),
    ("session_config_max_sessions_per_client", "sessions_per_principal"),
    ("streaming_config_max_response_size_mb", "max_response_size_mb"),
    ("streaming_config_heartbeat_interval_seconds", "keep_alive_seconds"),
    ("streaming_config_stream_timeout_seconds", "stream_seconds"),
    ("logging_level", "log_level"),
    ("logging_format", "log_format"),
    ("security_max_request_size_mb", "max_body_bytes, in bytes"),
    ("security_allowed_origins", "cors_origins"),
    ("security_require_session_id", "sessions = \"required\""),
    ("aws_config_region", "the environment variable AWS_REGION"),
    ("server_info_", "the program: its handler has the name and the version"),
    ("capabilities_", "the program: its handler declares the capabilities"),
];

/// The settings of the file that is named, or else of the one in the first folder that has one.
pub(super) fn read(
    named: Option<PathBuf>,
    folders: &[PathBuf],
) -> Result<BTreeMap<&'static str, FromFile>, ConfigError> {
    let path = match named {
        Some(path) => path,
        None => match find(folders)? {
            Some(path) => path,
            None => return Ok(BTreeMap::new()),
        },
    };
    let file = path.display().to_string();
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => FileFormat::Toml,
        Some("json") => FileFormat::Json,
        _ => return Err(ConfigError::new(CONFIG_FILE.name, file, "a file that ends in .toml or .json")),
    };
    let source = File::from(path.as_path()).format(format);
    let parsed = config::Config::builder().add_source(source).build();
    let parsed = parsed.and_then(|config| config.cache.into_table());
    let settings = parsed.map_err(|error| {
        // The library names the file at the end of its text.
        ConfigError::of_file(&file, &format!("cannot be read: {error}"))
    })?;
    let mut found = BTreeMap::new();
    Reader { file: &file, found: &mut found }.table("", "", settings)?;
    Ok(found)
}

fn find(folders: &[PathBuf]) -> Result<Option<PathBuf>, ConfigError> {
    for folder in folders {
        let there: Vec<_> =
            NAMES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
        match there.as_slice() {
            [] => {}
            [one] => return Ok(Some(one.clone())),
            _ => return Err(ConfigError::of_file(&folder.display().to_string(), &two())),
        }
    }
    Ok(None)
}

fn two() -> String {
    format!("has {} and {}: expected one of them", NAMES[0], NAMES[1])
}

struct Reader<'a> {
    file: &'a str,
    found: &'a mut BTreeMap<&'static str, FromFile>,
}

impl Reader<'_> {
    /// Reads a table. `prefix` is the part of a name that its place stands for, `place` the same as the file writes it.
    fn table(&mut self, prefix: &str, place: &str, table: Map<String, Value>) -> Result<(), ConfigError> {
        // In the order of the names, so that the same file gives the same error.
        let table: BTreeMap<_, _> = table.into_iter().collect();
        for (name, value) in table {
            let part = name.to_ascii_lowercase().replace('-', "_");
            let key = if prefix.is_empty() { part } else { format!("{prefix}_{part}") };
            let place = if place.is_empty() { name } else { format!("{place}.{name}") };
            let variable = variable(&key);
            let text = match (value.kind, variable) {
                (ValueKind::Nil, Some(_)) => continue,
                (ValueKind::Table(entries), Some(known)) if TABLES.contains(known) => {
                    self.entries(&place, entries)?
                }
                (ValueKind::Table(inner), _) if is_group(&key) => {
                    self.table(&key, &place, inner)?;
                    continue;
                }
                (_, None) => return Err(self.unknown(&key, &place)),
                (kind, Some(_)) => self.text(&place, kind)?,
            };
            let Some(variable) = variable else { continue };
            if *variable == CONFIG_FILE || is_of_lambda(variable) {
                let expected = format!("{place} in the environment alone ({})", variable.name);
                return Err(ConfigError::of_file(
                    self.file,
                    &format!("cannot set {place}: expected {expected}"),
                ));
            }
            let setting = FromFile { value: text, file: self.file.to_owned(), key: place.clone() };
            if let Some(first) = self.found.insert(variable.name, setting) {
                let text = format!("sets {} twice, as {} and as {place}", variable.name, first.key);
                return Err(ConfigError::of_file(self.file, &text));
            }
        }
        Ok(())
    }

    /// A value as its variable has it: a list is separated by commas.
    fn text(&self, place: &str, kind: ValueKind) -> Result<String, ConfigError> {
        match kind {
            ValueKind::Array(items) => {
                let items: Result<Vec<_>, _> =
                    items.into_iter().map(|item| self.scalar(place, item.kind)).collect();
                Ok(items?.join(","))
            }
            kind => self.scalar(place, kind),
        }
    }

    fn scalar(&self, place: &str, kind: ValueKind) -> Result<String, ConfigError> {
        match kind {
            ValueKind::String(text) => Ok(text),
            ValueKind::Boolean(is) => Ok(is.to_string()),
            ValueKind::I64(number) => Ok(number.to_string()),
            ValueKind::I128(number) => Ok(number.to_string()),
            ValueKind::U64(number) => Ok(number.to_string()),
            ValueKind::U128(number) => Ok(number.to_string()),
            ValueKind::Float(number) => Ok(number.to_string()),
            ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => Err(ConfigError::of_file(
                self.file,
                &format!("{place}: expected a text, a number, true or false, or a list of them"),
            )),
        }
    }

    /// A table of entries as its variable has it: `name=value`, and a list of values separated by blanks.
    fn entries(&self, place: &str, entries: Map<String, Value>) -> Result<String, ConfigError> {
        let entries: BTreeMap<_, _> = entries.into_iter().collect();
        let entries: Result<Vec<_>, ConfigError> = entries
            .into_iter()
            .map(|(name, value)| {
                let place = format!("{place}.{name}");
                let value = match value.kind {
                    ValueKind::Array(items) => {
                        let items: Result<Vec<_>, _> =
                            items.into_iter().map(|item| self.scalar(&place, item.kind)).collect();
                        items?.join(" ")
                    }
                    kind => self.scalar(&place, kind)?,
                };
                Ok(format!("{name}={value}"))
            })
            .collect();
        Ok(entries?.join(","))
    }

    fn unknown(&self, key: &str, place: &str) -> ConfigError {
        let elsewhere =
            ELSEWHERE.iter().find(|(old, _)| key == *old || old.ends_with('_') && key.starts_with(old));
        let advice = match (elsewhere, nearest(key)) {
            (Some((_, here)), _) => format!("here it is {here}"),
            (None, Some(name)) => format!("did you mean {name}?"),
            (None, None) => "the command `config` of the program lists all settings".to_owned(),
        };
        ConfigError::of_file(self.file, &format!("{place} is an unknown setting: {advice}"))
    }
}

/// The names of a variable in a file.
fn names(variable: &Variable) -> impl Iterator<Item = String> {
    std::iter::once(variable.name).chain(variable.alias).flat_map(|name| {
        let name = name.to_ascii_lowercase();
        let short = name.strip_prefix("mcp_").map(str::to_owned);
        short.into_iter().chain([name])
    })
}

fn variable(key: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| names(variable).any(|name| name == key))
}

/// Whether names of settings begin with this part.
fn is_group(key: &str) -> bool {
    let of_settings = VARIABLES.iter().any(|variable| {
        names(variable).any(|name| name.strip_prefix(key).is_some_and(|rest| rest.starts_with('_')))
    });
    let of_others =
        ELSEWHERE.iter().any(|(old, _)| old.strip_prefix(key).is_some_and(|rest| rest.starts_with('_')));
    of_settings || of_others
}

/// The first name of the variable that has the name that is most alike.
fn nearest(key: &str) -> Option<String> {
    let alike = |name: String| strsim::normalized_damerau_levenshtein(key, &name);
    let likeness = |variable| names(variable).map(alike).fold(0.0, f64::max);
    let best = VARIABLES.iter().map(|variable| (likeness(variable), variable));
    let (likeness, variable) = best.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    names(variable).next().filter(|_| likeness >= ALIKE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_variables_share_a_name() {
        let mut all: Vec<_> = VARIABLES.iter().flat_map(names).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_setting_of_another_server_is_none_of_this_one() {
        for (old, _) in ELSEWHERE {
            assert_eq!(variable(old), None, "{old}");
        }
    }
}
