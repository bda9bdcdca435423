//! The commands that a program has of this library: `schema --agentcore`, `config` and `migrate`; and its option `--memory`.

use std::ffi::OsString;

/// A command or option of this library: all arguments of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// `schema --agentcore`: prints the tools.
    Schema,
    /// `config`: prints the settings.
    Config,
    /// `config --json`: the same as JSON.
    ConfigJson,
    /// `migrate`: makes the tables of a database.
    #[cfg(feature = "postgres")]
    Migrate,
    /// `--memory`: keeps state in memory.
    Memory,
}

const COMMANDS: &[(Command, &[&str])] = &[
    (Command::Schema, &["schema", "--agentcore"]),
    (Command::Config, &["config"]),
    (Command::ConfigJson, &["config", "--json"]),
    #[cfg(feature = "postgres")]
    (Command::Migrate, &["migrate"]),
    (Command::Memory, &["--memory"]),
];

/// The command of a program with these arguments, without its name. `None`: they are the program's own.
pub(crate) fn command(args: impl Iterator<Item = OsString>) -> Option<Command> {
    let args: Vec<_> = args.collect();
    COMMANDS.iter().find(|(_, words)| args.iter().eq(words.iter())).map(|(command, _)| *command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Command> {
        command(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn exactly_these_words_are_a_command_and_all_other_arguments_are_the_programs_own() {
        assert_eq!(of("schema --agentcore"), Some(Command::Schema));
        assert_eq!(of("config"), Some(Command::Config));
        assert_eq!(of("config --json"), Some(Command::ConfigJson));
        assert_eq!(of("--memory"), Some(Command::Memory));
        #[cfg(feature = "postgres")]
        assert_eq!(of("migrate"), Some(Command::Migrate));
        for own in [
            "migrate now",
            "",
            "schema",
            "--agentcore",
            "--agentcore schema",
            "schema --agentcore tools.json",
            "-- schema --agentcore",
            "schema --agentcore=1",
            "Schema --agentcore",
            "config --yaml",
            "config list",
            "--json config",
            "Config",
        ] {
            assert_eq!(of(own), None, "{own}");
        }
    }
}
