//! Completions of shells, and the manual page.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{command::Cli, failure::Failure, output};

pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mcp-lambda", &mut text);
    output::line(String::from_utf8_lossy(&text).trim_end())
}

pub(super) fn man() -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut text)
        .map_err(|error| Failure::refused(format!("the manual page: {error}")))?;
    output::line(String::from_utf8_lossy(&text).trim_end())
}
