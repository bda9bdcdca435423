//! The program `mcp-lambda`.

mod args;
mod arguments;
mod benchmark;
mod call;
mod check;
mod client;
mod command;
mod connect;
mod dashboard;
mod elicitation;
mod failure;
mod form;
mod generate;
mod install;
mod log;
mod monitor;
mod output;
mod proxy;
mod publish;
mod reports;
mod rounds;
mod signals;
mod stdio;
mod tasks;
mod tools;
mod validate_schemas;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use self::{
    command::{Cli, Command},
    failure::Failure,
};

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    log::install(cli.verbose);
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

/// Help and version exit with 0; a wrong command line with `EX_USAGE`.
fn usage(error: &clap::Error) -> ExitCode {
    // A terminal that is closed receives no text.
    let _ = error.print();
    if error.use_stderr() { Failure::USAGE.into() } else { ExitCode::SUCCESS }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Completions { shell } => generate::completions(shell),
        Command::Man => generate::man(),
        Command::Install(args) => install::run(&args),
        other => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Failure::refused(format!("no runtime: {error}")))?;
            let result = runtime.block_on(run_async(other));
            // A thread that waits for a line of the terminal does not delay the end.
            runtime.shutdown_timeout(Duration::from_millis(100));
            result
        }
    }
}

async fn run_async(command: Command) -> Result<(), Failure> {
    match command {
        Command::Proxy(args) => proxy::run(args).await,
        Command::Connect(args) => connect::run(*args).await,
        Command::Call(args) => call::run(args).await,
        Command::Tools(args) => tools::list(args).await,
        Command::Schema(args) => tools::schema(args).await,
        Command::Tasks(args) => tasks::run(args).await,
        Command::Publish(args) => publish::run(args).await,
        Command::Test(args) => check::run(*args).await,
        Command::ValidateSchemas(args) => validate_schemas::run(*args).await,
        Command::Benchmark(args) => benchmark::run(*args).await,
        Command::Monitor(args) => monitor::run(*args).await,
        Command::Completions { .. } | Command::Man | Command::Install(_) => Ok(()),
    }
}
