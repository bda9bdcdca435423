//! The command `config` of a program: it prints each setting with its value and its source.

use std::io::{self, Write, stdout};

use mcp_lambda_core::{
    config::{Config, SessionMode, Settings, listing},
    error::Error,
};

/// What the program sets where neither a file nor the environment does.
pub(crate) struct OfProgram {
    pub(crate) sessions: Option<SessionMode>,
    pub(crate) receives_events: bool,
    pub(crate) argument_checks: Option<bool>,
    /// Whether it brings a whole configuration, and nothing else counts.
    pub(crate) has_config: bool,
}

/// Prints the settings. An invalid one is printed as it is, and is an error then.
pub(crate) fn print(of_program: &OfProgram, as_json: bool) -> Result<(), Error> {
    let settings = Settings::of_process()?;
    let listed = listing::listing(&settings, &of_program.values());
    let mut text = if as_json { format!("{:#}\n", listing::json(&listed)) } else { listing::text(&listed) };
    if of_program.has_config && !as_json {
        text.push_str("\nThe program sets its configuration itself: these settings do not count in it.\n");
    }
    write(&text).map_err(Error::Output)?;
    Config::from_settings(&settings).map(drop).map_err(Error::from)
}

fn write(text: &str) -> io::Result<()> {
    stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush())
}

impl OfProgram {
    /// By the names of the variables.
    fn values(&self) -> Vec<(&'static str, String)> {
        let sessions = self.sessions.map(|mode| {
            let word = match mode {
                SessionMode::Required => "required",
                SessionMode::Optional => "optional",
                SessionMode::Off => "off",
                SessionMode::Platform => "platform",
            };
            ("MCP_SESSIONS", word.to_owned())
        });
        let events = self.receives_events.then(|| ("MCP_EVENTS", "on".to_owned()));
        let checks =
            self.argument_checks.map(|on| ("MCP_ARGUMENT_CHECKS", if on { "on" } else { "off" }.to_owned()));
        sessions.into_iter().chain(events).chain(checks).collect()
    }
}
