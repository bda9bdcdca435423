//! The arguments of the commands, and those that several of them have.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// For programs: the JSON of the result, on one line
    Json,
}

/// How the caller proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AuthArg {
    /// SigV4 for hosts of AWS, OAuth if the server asks for it; a bearer token if there is one
    Auto,
    /// Nothing
    None,
    /// A signature with AWS credentials
    Sigv4,
    /// The token in MCP_BEARER_TOKEN
    Bearer,
    /// OAuth 2.1 in a browser
    Oauth,
}

/// Which revisions of MCP are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EraArg {
    /// 2026-07-28 if the server knows it, else a session
    Auto,
    /// 2026-07-28
    Stateless,
    /// A session of 2025-11-25
    Session,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum InvokeArg {
    /// Messages arrive while the function runs
    Stream,
    /// All messages arrive at the end
    Buffered,
}

/// The server, and how to reach it.
#[derive(Debug, Args)]
pub(super) struct RemoteArgs {
    /// The URL of a server, or the name or ARN of a Lambda function
    #[arg(value_name = "SERVER")]
    pub(super) server: String,
    #[command(flatten)]
    pub(super) options: RemoteOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Reaching the server")]
pub(super) struct RemoteOptions {
    /// How the caller proves who it is
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) auth: AuthArg,
    /// The bearer token
    #[arg(long, env = "MCP_BEARER_TOKEN", hide_env_values = true, hide = true)]
    pub(super) bearer_token: Option<String>,
    /// The profile of AWS credentials
    #[arg(long)]
    pub(super) profile: Option<String>,
    /// The AWS region [default: that of the URL or ARN, or of the profile]
    #[arg(long)]
    pub(super) region: Option<String>,
    /// The service that signatures are made for [default: that of the URL]
    #[arg(long)]
    pub(super) service: Option<String>,
    /// A header of each request
    #[arg(long, value_name = "NAME: VALUE")]
    pub(super) header: Vec<String>,
    /// The time limit of a response, until its first byte
    #[arg(long, value_name = "SECONDS", default_value = "900", value_parser = seconds)]
    pub(super) timeout: Duration,
    /// How a function is invoked
    #[arg(long, value_enum, default_value = "stream")]
    pub(super) invoke_mode: InvokeArg,
    /// The path at which a function serves MCP
    #[arg(long, default_value = "/mcp")]
    pub(super) path: String,
    /// The URL of AWS's APIs, such as Lambda's Invoke API [default: those of the region]
    #[arg(long, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    #[command(flatten)]
    pub(super) oauth: OAuthArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Signing in")]
pub(super) struct OAuthArgs {
    /// The program that opens the page of the authorization server; `none` only prints its URL
    #[arg(long, env = "BROWSER", value_name = "COMMAND")]
    pub(super) browser: Option<String>,
    /// The id of a client that is registered with the authorization server
    #[arg(long)]
    pub(super) client_id: Option<String>,
    /// The URL of a client id metadata document
    #[arg(long, value_name = "URL")]
    pub(super) client_metadata_url: Option<String>,
    /// A scope to ask for; may be repeated
    #[arg(long)]
    pub(super) scope: Vec<String>,
    /// The port of the redirection on 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT", default_value = "0", hide_default_value = true)]
    pub(super) oauth_port: u16,
    /// The folder of the tokens [default: the operating system's folder for data of programs]
    #[arg(long, value_name = "FOLDER")]
    pub(super) token_folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ClientArgs {
    #[command(flatten)]
    pub(super) remote: RemoteArgs,
    #[command(flatten)]
    pub(super) form: FormArgs,
}

#[derive(Debug, Args)]
pub(super) struct FormArgs {
    /// Which revisions of MCP are spoken
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) era: EraArg,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct ProxyArgs {
    #[command(flatten)]
    pub(super) remote: RemoteArgs,
}

#[derive(Debug, Args)]
pub(super) struct CallArgs {
    #[command(flatten)]
    pub(super) client: ClientArgs,
    /// The tool
    pub(super) tool: String,
    /// Arguments, read as the schema of the tool says; values that begin with @ are files
    #[arg(value_name = "NAME=VALUE")]
    pub(super) arguments: Vec<String>,
    /// An argument; may be repeated
    #[arg(long = "arg", value_name = "NAME=VALUE")]
    pub(super) arg: Vec<String>,
    /// All arguments as a JSON object, `@FILE`, or `-` for stdin
    #[arg(long, value_name = "JSON")]
    pub(super) json: Option<String>,
    /// Prints the task that the call becomes, and does not wait for its end
    #[arg(long)]
    pub(super) detach: bool,
}

#[derive(Debug, Args)]
pub(super) struct ToolsArgs {
    #[command(flatten)]
    pub(super) client: ClientArgs,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    #[command(flatten)]
    pub(super) client: ClientArgs,
    /// The tool [default: all]
    pub(super) tool: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct TasksArgs {
    #[command(subcommand)]
    pub(super) command: TasksCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum TasksCommand {
    /// Lists the tasks of a session of 2025-11-25; 2026-07-28 has no list
    List(ClientArgs),
    /// Prints a task, or its result with --wait
    Get {
        #[command(flatten)]
        client: ClientArgs,
        /// The id of the task
        task: String,
        /// Waits for its end, and answers its questions on the terminal
        #[arg(long)]
        wait: bool,
    },
    /// Cancels a task
    Cancel {
        #[command(flatten)]
        client: ClientArgs,
        /// The id of the task
        task: String,
    },
    /// Answers questions of a task
    Update {
        #[command(flatten)]
        client: ClientArgs,
        /// The id of the task
        task: String,
        /// The answers: the key of the question, and the JSON of the answer
        #[arg(value_name = "KEY=JSON", required = true)]
        answers: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    /// The ARN of the topic
    #[arg(value_name = "TOPIC_ARN")]
    pub(super) topic: String,
    /// The source of the event: its resource is event://SOURCE/TYPE
    #[arg(long)]
    pub(super) source: String,
    /// The type of the event
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: String,
    /// The data of the event: JSON, `@FILE`, or `-` for stdin
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(super) data: String,
    /// The principal that hears of the event, as `<issuer>|<subject>` [default: all callers]
    #[arg(long)]
    pub(super) principal: Option<String>,
    /// The profile of AWS credentials
    #[arg(long)]
    pub(super) profile: Option<String>,
    /// The URL of SNS [default: that of the region]
    #[arg(long, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The URL of the server, or the name or ARN of a Lambda function
    #[arg(long, default_value = "http://127.0.0.1:9000/mcp")]
    pub(super) url: String,
    /// A suite, or several with commas: all, protocol, tools, session, streaming, tasks, auth, events, infrastructure.
    /// `all` has infrastructure in it if --stack is given
    #[arg(long, value_name = "SUITE", default_value = "all", value_delimiter = ',')]
    pub(super) suite: Vec<String>,
    /// The CloudFormation stack of the server, for the suite infrastructure [default: found by the URL or the function]
    #[arg(long, value_name = "NAME")]
    pub(super) stack: Option<String>,
    /// How many checks run at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(super) concurrency: usize,
    /// A tool that checks may call although it does not declare readOnlyHint, with its arguments or made ones
    #[arg(long = "tool", value_name = "NAME[=JSON]")]
    pub(super) tools: Vec<String>,
    /// How long a check waits for what must not come
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000)]
    pub(super) quiet_time: u64,
    /// Writes a report: FILE.xml is JUnit, FILE.json is JSON, FILE.html is a page; may be repeated
    #[arg(long = "report", value_name = "FILE")]
    pub(super) reports: Vec<PathBuf>,
    /// Reports keep the requests and responses of checks that passed, too
    #[arg(long)]
    pub(super) detailed_report: bool,
    /// Exits with 0 although checks have failed
    #[arg(long)]
    pub(super) continue_on_failure: bool,
    /// Runs the suites streaming and events as well, whichever suites are named
    #[arg(long)]
    pub(super) test_sse_streaming: bool,
    /// The token of another caller, for the checks that keep callers apart
    #[arg(long, env = "MCP_OTHER_BEARER_TOKEN", hide_env_values = true, hide = true)]
    pub(super) other_bearer_token: Option<String>,
    #[command(flatten)]
    pub(super) options: RemoteOptions,
}

#[derive(Debug, Args)]
pub(super) struct BenchmarkArgs {
    /// The URL of the server, or the name or ARN of a Lambda function
    #[arg(long, default_value = "http://127.0.0.1:9000/mcp")]
    pub(super) url: String,
    /// How many requests [default: 100, or as many as fit into the duration]
    #[arg(long, value_name = "COUNT")]
    pub(super) requests: Option<u64>,
    /// For how long requests begin
    #[arg(long, value_name = "SECONDS")]
    pub(super) duration: Option<f64>,
    /// How many requests may run at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub(super) concurrency: usize,
    /// How many requests begin in each second [default: each when another has ended]
    #[arg(long, value_name = "PER SECOND")]
    pub(super) rate_limit: Option<f64>,
    /// The tool to call [default: none, but server/discover]
    #[arg(long, value_name = "NAME")]
    pub(super) tool: Option<String>,
    /// The arguments of the tool
    #[arg(long, value_name = "JSON", default_value = "{}", requires = "tool")]
    pub(super) json: String,
    /// Writes a report: FILE.json is JSON, FILE.html is a page with charts; may be repeated
    #[arg(long = "report", value_name = "FILE")]
    pub(super) reports: Vec<PathBuf>,
    /// Compares two reports in JSON, and measures nothing
    #[arg(long, num_args = 2, value_names = ["FIRST.json", "SECOND.json"])]
    pub(super) compare: Option<Vec<PathBuf>>,
    #[command(flatten)]
    pub(super) options: RemoteOptions,
}

#[derive(Debug, Args)]
pub(super) struct MonitorArgs {
    /// The servers: URLs, or names or ARNs of Lambda functions
    #[arg(value_name = "SERVER", required = true)]
    pub(super) urls: Vec<String>,
    /// The time between two checks
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = interval)]
    pub(super) interval: Duration,
    /// How many checks the figures are of, 10000 at most
    #[arg(long, value_name = "CHECKS", default_value_t = 60)]
    pub(super) window: usize,
    /// How many rounds of checks there are [default: until Ctrl-C]
    #[arg(long, value_name = "COUNT")]
    pub(super) rounds: Option<u64>,
    /// The rules of alerts, in TOML
    #[arg(long, value_name = "FILE")]
    pub(super) alert_config: Option<PathBuf>,
    /// Measures the event lag by events that the server's tool publish_event publishes
    #[arg(long, conflicts_with = "topic")]
    pub(super) publish_tool: bool,
    /// Measures the event lag by events that are published to this SNS topic
    #[arg(long, value_name = "TOPIC_ARN")]
    pub(super) topic: Option<String>,
    /// Counts the tasks of the caller by their status, where the server lists them
    #[arg(long)]
    pub(super) tasks: bool,
    /// No colours
    #[arg(long, env = "NO_COLOR", hide = true)]
    pub(super) no_color: Option<String>,
    /// Writes a line for each check on a terminal, too
    #[arg(long)]
    pub(super) plain: bool,
    /// How checks are printed
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) options: RemoteOptions,
}

/// The MCP clients that the server can be entered into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum McpClient {
    /// Claude's desktop application
    Claude,
    /// Claude Code, for all projects of the user
    ClaudeCode,
    /// Cursor
    Cursor,
    /// Visual Studio Code
    Vscode,
}

#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    /// The MCP client
    #[arg(long, value_enum)]
    pub(super) client: McpClient,
    #[command(flatten)]
    pub(super) remote: RemoteArgs,
    /// The name of the server in the client [default: from the address]
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The configuration file [default: that of the client]
    #[arg(long)]
    pub(super) file: Option<PathBuf>,
    /// Shows what would change, and changes nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let expected = || "expected seconds, from 0.1 to 86400".to_owned();
    let seconds: f64 = text.parse().map_err(|_| expected())?;
    if (0.1..=86_400.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(expected()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: u64 = text.parse().map_err(|_| "expected a whole number of seconds".to_owned())?;
    if seconds == 0 { Err("expected at least 1 second".to_owned()) } else { Ok(Duration::from_secs(seconds)) }
}
