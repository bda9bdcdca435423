//! Completions of shells, and the manual page.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{command::Cli, failure::Failure, output};

pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mcp-lambda", &mut text);
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if shell == Shell::Bash {
        text = one_label_for_each_command(&text);
    }
    output::line(text.trim_end())
}

/// clap_complete writes the hyphen of the program's name in two ways, so that a script for bash never finds the options of
/// a subcommand (<https://github.com/clap-rs/clap/issues/6421>, open on 2026-11-28).
fn one_label_for_each_command(script: &str) -> String {
    script.replace("mcp__subcmd__lambda", "mcp__lambda")
}

pub(super) fn man() -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut text)
        .map_err(|error| Failure::refused(format!("the manual page: {error}")))?;
    output::line(String::from_utf8_lossy(&text).trim_end())
}
