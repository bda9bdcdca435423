//! Where settings come from: the defaults, a file, the environment. The later one has precedence.
//!
//! A file has the names of the variables in lower case, without `MCP_`: `stream_seconds` is `MCP_STREAM_SECONDS`. Parts of a name may
//! be nested: `{"jwt": {"issuer": "..."}}` is `jwt_issuer`. What Lambda sets has no place in a file: it is detected at run time, and
//! comes last.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use super::{
    from_file::FromFile,
    variables::{CONFIG_FILE, RUNTIME_API, VARIABLES, Variable, is_of_lambda},
};
use crate::error::ConfigError;

type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The settings of a process, before they are read: the environment, and a file.
pub struct Settings {
    environment: Lookup,
    file: BTreeMap<&'static str, FromFile>,
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nothing sets it.
    Default,
    /// A file.
    File {
        /// The path of the file.
        file: String,
        /// The name of the setting in the file.
        key: String,
    },
    /// An environment variable.
    Environment {
        /// The name of the variable, which may be an alias.
        name: &'static str,
    },
    /// The environment in which Lambda runs the process.
    Lambda,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, key } => write!(f, "{file}: {key}"),
            Self::Environment { name } => write!(f, "environment: {name}"),
            Self::Lambda => f.write_str("Lambda"),
        }
    }
}

impl Settings {
    /// The settings of this process: its environment, and the file that `MCP_CONFIG_FILE` names, or else `mcp_config.toml` or
    /// `mcp_config.json` in the deployment package or beside the program.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the file cannot be read, or has a setting that does not exist.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn of_process() -> Result<Self, ConfigError> {
        let environment = |name: &str| std::env::var(name).ok();
        let task_root = environment("LAMBDA_TASK_ROOT").map(PathBuf::from);
        let program = std::env::current_exe().ok();
        let beside = program.and_then(|program| program.parent().map(PathBuf::from));
        Self::new(environment, &task_root.into_iter().chain(beside).collect::<Vec<_>>())
    }

    /// The settings of an environment, with a file that it names or that is in one of these folders.
    ///
    /// # Errors
    ///
    /// As [`Settings::of_process`].
    pub fn new(
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        folders: &[PathBuf],
    ) -> Result<Self, ConfigError> {
        let named = environment(CONFIG_FILE.name).map(|path| path.trim().to_owned());
        let named = named.filter(|path| !path.is_empty()).map(PathBuf::from);
        #[cfg_attr(
            not(feature = "tool-definitions"),
            expect(unused_mut, reason = "nothing is found beside it")
        )]
        let mut file = read(named, folders)?;
        #[cfg(feature = "tool-definitions")]
        if let Some(path) = super::tool_definitions::find(folders) {
            let file_name = path.display().to_string();
            let found = FromFile { value: file_name.clone(), file: file_name, key: "found".to_owned() };
            file.entry(super::variables::TOOL_DEFINITIONS.name).or_insert(found);
        }
        Ok(Self { environment: Box::new(environment), file })
    }

    /// The value of a variable, by its name or its alias. An environment variable that is empty is not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let set = |name: &str| (self.environment)(name).filter(|value| !value.trim().is_empty());
        set(name).or_else(|| {
            let from_file = self.file.get(name)?;
            let variable = VARIABLES.iter().find(|variable| variable.name == name)?;
            // The alias comes after the name, but before the file.
            Some(variable.alias.and_then(set).unwrap_or_else(|| from_file.value.clone()))
        })
    }

    /// Where the value of a variable comes from.
    #[must_use]
    pub fn source(&self, variable: &Variable) -> Source {
        let is_set = |name: &&str| (self.environment)(name).is_some_and(|value| !value.trim().is_empty());
        match std::iter::once(variable.name).chain(variable.alias).find(is_set) {
            Some(_) if is_of_lambda(variable) && is_set(&RUNTIME_API.name) => Source::Lambda,
            Some(name) => Source::Environment { name },
            None => self.file.get(variable.name).map_or(Source::Default, |FromFile { file, key, .. }| {
                Source::File { file: file.clone(), key: key.clone() }
            }),
        }
    }

    /// An error about a variable, with the file that has set it.
    pub(super) fn located(&self, error: ConfigError) -> ConfigError {
        let variable = VARIABLES.iter().find(|variable| variable.name == error.variable());
        match variable.map(|variable| self.source(variable)) {
            Some(Source::File { file, key }) => error.at(format!("{file}: {key}")),
            _ => error,
        }
    }
}

impl fmt::Debug for Settings {
    /// Without values: some are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("file", &self.file.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "config-files")]
fn read(
    named: Option<PathBuf>,
    folders: &[PathBuf],
) -> Result<BTreeMap<&'static str, FromFile>, ConfigError> {
    super::files::read(named, folders)
}

/// A program without the feature reads no file. One that is named would be overlooked.
#[cfg(not(feature = "config-files"))]
fn read(named: Option<PathBuf>, _: &[PathBuf]) -> Result<BTreeMap<&'static str, FromFile>, ConfigError> {
    let expected = "nothing: this program was built without the feature config-files, and reads no file";
    match named {
        Some(path) => Err(ConfigError::new(CONFIG_FILE.name, path.display().to_string(), expected)),
        None => Ok(BTreeMap::new()),
    }
}
