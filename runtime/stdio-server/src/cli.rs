//! The command line.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use mcp_lambda_server::stdio::{ChildPer, Start};

const EXAMPLES: &str = "\
Examples:
  mcp-lambda-stdio -- npx -y @modelcontextprotocol/server-everything
  mcp-lambda-stdio --env GITHUB_TOKEN -- docker run -i --rm ghcr.io/github/github-mcp-server
  mcp-lambda-stdio --config .mcp.json --server time
  mcp-lambda-stdio schema --agentcore -- uvx mcp-server-time > tools.json

The server is at http://127.0.0.1:9000/mcp. MCP_LISTEN and the other variables of mcp-lambda-server apply.
On Lambda, MCP_STDIO_COMMAND or mcp-stdio.json says what is run.";

/// Serves MCP servers of the stdio transport over HTTP, in every revision of MCP.
#[derive(Debug, Default, Parser)]
#[command(name = "mcp-lambda-stdio", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Prints the tools of the server, and ends
    Schema(Schema),
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// In the format of a Lambda target of an AgentCore Gateway; standard error names what it cannot express
    #[arg(long)]
    pub(crate) agentcore: bool,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// The command of the server, behind --
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "config")]
    pub(crate) command: Vec<OsString>,
    /// A file with servers, as .mcp.json or claude_desktop_config.json
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The server of the file that is run, else all; given more than once, the servers are one, with prefixes
    #[arg(long, value_name = "NAME", requires = "config", conflicts_with = "command")]
    pub(crate) server: Vec<String>,
    /// The address to listen on [default: MCP_LISTEN, else 127.0.0.1:9000]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// The name of the server in the log [default: that of the command]
    #[arg(long, conflicts_with = "config")]
    pub(crate) name: Option<String>,
    /// A variable that the server sees: NAME takes it from this process
    #[arg(long, value_name = "NAME[=VALUE]", conflicts_with = "config")]
    pub(crate) env: Vec<String>,
    /// The working directory of the server
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "config")]
    pub(crate) cwd: Option<PathBuf>,
    /// Which calls share a process: server, session, principal or invocation [default: server]
    #[arg(long, value_name = "WHAT")]
    pub(crate) child_per: Option<ChildPer>,
    /// Most processes at a time [default: 16]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_children: Option<usize>,
    /// Most processes that each of them has at a time, itself included; with more, all are killed [default: 256]
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub(crate) max_processes: Option<usize>,
    /// Starts the server with its first call: its tools are not known before
    #[arg(long)]
    pub(crate) start_at_first_use: bool,
    /// Calls any tool a second time when an answer reaches another process, not only tools that declare it harmless
    #[arg(long)]
    pub(crate) repeat_calls: bool,
    /// Time in which a process answers its first request [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) start_timeout: Option<Duration>,
    /// Time of a call [default: that of the request]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) call_timeout: Option<Duration>,
}

impl Options {
    /// When the process starts, if the command line says so.
    pub(crate) fn start(&self) -> Option<Start> {
        self.start_at_first_use.then_some(Start::FirstUse)
    }
}

fn number(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number, 1 at least".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err("expected a whole number of seconds, 1 at least".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Result<Cli, String> {
        let words = std::iter::once("mcp-lambda-stdio").chain(line.split_whitespace());
        Cli::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_command_of_the_server_stands_behind_two_hyphens() {
        let cli =
            parsed("--env A=1 --child-per session --call-timeout 5 -- npx -y server --env B").expect("valid");
        assert_eq!(cli.options.command, ["npx", "-y", "server", "--env", "B"]);
        assert_eq!(cli.options.env, ["A=1"]);
        assert_eq!(cli.options.child_per, Some(ChildPer::Session));
        assert_eq!(cli.options.call_timeout, Some(Duration::from_secs(5)));
        let schema = parsed("schema --agentcore --config .mcp.json --server time").expect("valid");
        assert!(matches!(schema.action, Some(Action::Schema(schema)) if schema.options.server == ["time"]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for line in [
            "npx -y server",
            "--config a.json -- npx",
            "--server time -- npx",
            "--child-per user -- npx",
            "--start-timeout 0 -- npx",
            "--call-timeout 1.5 -- npx",
            "--listen 9000 -- npx",
            "--max-processes 0 -- npx",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
