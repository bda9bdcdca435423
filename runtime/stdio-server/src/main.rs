//! `mcp-lambda-stdio`: any MCP server of the stdio transport, served over HTTP, on a laptop and on AWS Lambda.
//!
//! * `cli`: the command line. `launch`: which servers are to run, and where.
//! * `config_file`: `.mcp.json` and `mcp-stdio.json`. `expand`: variables in their texts.

mod cli;
mod config_file;
mod expand;
mod launch;

use std::{
    io::{Write, stderr},
    process::ExitCode,
};

use clap::Parser;
use mcp_lambda_server::{Config, error::ConfigError};

use crate::{cli::Cli, launch::Launch};

/// The exit code for a command line or a configuration that cannot be used, as of clap.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err((error, code)) => {
            // There is nowhere else to write to.
            let _ = writeln!(stderr(), "mcp-lambda-stdio: {error}");
            ExitCode::from(code)
        }
    }
}

type Failure = (String, u8);

fn run() -> Result<(), Failure> {
    let unusable = |error: ConfigError| (error.to_string(), UNUSABLE);
    let config = Config::from_env().map_err(unusable)?;
    // A managed runtime passes its own command line to an exec wrapper.
    let is_wrapper = config.stdio.is_exec_wrapper && config.runtime_api.is_some();
    let cli = if is_wrapper { Cli::default() } else { Cli::parse() };
    let launch = Launch::new(cli, config).map_err(|error| (error.to_string(), UNUSABLE))?;
    launch.run().map_err(|error| match error {
        mcp_lambda_server::Error::Config(error) => unusable(error),
        error => (causes(&error), 1),
    })
}

/// An error and its causes in one sentence.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
