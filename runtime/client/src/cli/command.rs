//! The command line.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use super::{
    args::{
        BenchmarkArgs, CallArgs, InstallArgs, MonitorArgs, ProxyArgs, PublishArgs, SchemaArgs, TasksArgs,
        TestArgs, ToolsArgs,
    },
    connect::ConnectArgs,
    validate_schemas::ValidateSchemasArgs,
};

/// Reaches MCP servers on AWS: signs requests, invokes functions, signs people in.
#[derive(Debug, Parser)]
#[command(name = "mcp-lambda", version, about, max_term_width = 100)]
pub(super) struct Cli {
    /// Writes what happens to stderr; more with -vv and -vvv
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(super) verbose: u8,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serves a remote server on stdin and stdout, for clients that cannot sign
    Proxy(ProxyArgs),
    /// Enters the proxy of a server into the configuration of an MCP client
    Install(InstallArgs),
    /// Calls a tool and prints its result
    Call(CallArgs),
    /// Lists the tools of a server
    Tools(ToolsArgs),
    /// Prints the JSON Schema of the tools
    Schema(SchemaArgs),
    /// Opens a connection on which tools are called by hand: with history, completion, questions and events
    Connect(Box<ConnectArgs>),
    /// Reads, answers and cancels tasks
    Tasks(TasksArgs),
    /// Publishes an event to the clients of a server, through its SNS topic
    Publish(PublishArgs),
    /// Checks that a running server keeps the rules of MCP
    Test(Box<TestArgs>),
    /// Compares all that a server lists with JSON Schema, the rules of MCP and the limits of model APIs
    ValidateSchemas(Box<ValidateSchemasArgs>),
    /// Measures how fast a running server answers
    Benchmark(Box<BenchmarkArgs>),
    /// Watches running servers, and alerts
    Monitor(Box<MonitorArgs>),
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual page
    Man,
}
