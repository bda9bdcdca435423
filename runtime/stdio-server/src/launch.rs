//! Which servers are to run, and where.
//!
//! The command line says it; without one, in this order: `MCP_STDIO_COMMAND`, the file of `MCP_STDIO_CONFIG`, and the file
//! `mcp-stdio.json` of the deployment package.

use std::path::{Path, PathBuf};

use mcp_lambda_server::{
    Composed, Config, Error, McpLambdaServer,
    config::{ProcessRole, StdioConfig, process_environment},
    error::ConfigError,
    stdio::{ChildPer, StdioServer},
};

use crate::{
    cli::{Action, Cli, Options},
    config_file::{self, ConfigFileError, Entry},
};

/// The file of a deployment package.
const OF_DEPLOYMENT: &str = "mcp-stdio.json";
/// The name of several servers that are one.
const COMPOSED: &str = "mcp-lambda-stdio";

/// Why nothing can be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    #[error(transparent)]
    File(#[from] ConfigFileError),
    #[error(transparent)]
    Variable(#[from] ConfigError),
    #[error("schema: expected --agentcore, which is the only format")]
    Format,
    #[error("--env {0:?}: expected NAME or NAME=VALUE")]
    Env(String),
    #[error(
        "nothing to run: expected a command behind --, as in `mcp-lambda-stdio -- npx -y server`, or --config FILE; on Lambda \
         MCP_STDIO_COMMAND, MCP_STDIO_CONFIG or mcp-stdio.json in the deployment package"
    )]
    Nothing,
}

/// Servers that are ready to be started.
#[derive(Debug)]
pub(crate) struct Launch {
    servers: Vec<(String, StdioServer)>,
    config: Config,
}

impl Launch {
    pub(crate) fn new(cli: Cli, mut config: Config) -> Result<Self, LaunchError> {
        let options = match cli.action {
            None => cli.options,
            Some(Action::Schema(schema)) if !schema.agentcore => return Err(LaunchError::Format),
            Some(Action::Schema(schema)) => {
                config.role = ProcessRole::AgentCoreSchema;
                schema.options
            }
        };
        if let Some(listen) = options.listen {
            config.listen = listen;
        }
        let entries = entries(&options, &config)?;
        let default = child_per(&config)?;
        let servers = entries
            .into_iter()
            .map(|entry| (entry.name.clone(), server(entry, &options, default, &config.stdio)))
            .collect();
        Ok(Self { servers, config })
    }

    /// Serves until the process is asked to stop, or prints the schema. One server keeps its names, several have prefixes. One thread
    /// passes on more calls than the processes of the servers answer.
    pub(crate) fn run(self) -> Result<(), Error> {
        let Self { mut servers, config } = self;
        if servers.len() == 1
            && let Some((_, server)) = servers.pop()
        {
            return McpLambdaServer::builder(server)
                .config(config)
                .schema_command(false)
                .config_command(false)
                .one_thread()
                .run();
        }
        let composed = Composed::new(COMPOSED, env!("CARGO_PKG_VERSION"));
        let composed = servers
            .into_iter()
            .fold(composed, |composed, (name, server)| composed.mount(&prefix(&name), server));
        McpLambdaServer::builder(composed)
            .config(config)
            .schema_command(false)
            .config_command(false)
            .one_thread()
            .run()
    }
}

/// The prefix of a server of a file: its name, as far as names of tools may contain it.
fn prefix(name: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    name.chars().map(|character| if allowed(character) { character } else { '-' }).collect()
}

fn look_up(name: &str) -> Option<String> {
    let found = process_environment(|known| known == name).pop();
    found.and_then(|(_, value)| value.into_string().ok())
}

fn entries(options: &Options, config: &Config) -> Result<Vec<Entry>, LaunchError> {
    if let Some((command, args)) = options.command.split_first() {
        let text = |word: &std::ffi::OsString| word.to_string_lossy().into_owned();
        let (env, pass_env) = variables(&options.env)?;
        let command = text(command);
        let name = options.name.clone().unwrap_or_else(|| name_of(&command));
        let args = args.iter().map(text).collect();
        return Ok(vec![Entry {
            name,
            command,
            args,
            env,
            pass_env,
            cwd: options.cwd.clone(),
            ..Entry::default()
        }]);
    }
    if let Some(file) = &options.config {
        return Ok(config_file::read(file, &options.server, &look_up)?);
    }
    if let Some((command, args)) = config.stdio.command.split_first() {
        let entry = Entry {
            name: name_of(command),
            command: command.clone(),
            args: args.to_vec(),
            ..Entry::default()
        };
        return Ok(vec![entry]);
    }
    match config.stdio.config.clone().or_else(|| of_deployment(config)) {
        Some(file) => Ok(config_file::read(&file, &[], &look_up)?),
        None => Err(LaunchError::Nothing),
    }
}

/// The file of the deployment package, if it has one.
fn of_deployment(config: &Config) -> Option<PathBuf> {
    let file = config.stdio.task_root.as_ref()?.join(OF_DEPLOYMENT);
    file.is_file().then_some(file)
}

/// The name of a server that was given none: that of its program.
fn name_of(command: &str) -> String {
    let name = Path::new(command).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    name.unwrap_or_else(|| command.to_owned())
}

/// Variables with a value, and the names of those that are taken from this process.
type Variables = (Vec<(String, String)>, Vec<String>);

fn variables(given: &[String]) -> Result<Variables, LaunchError> {
    let (mut env, mut passed) = Variables::default();
    for one in given {
        match one.split_once('=') {
            Some(("", _)) => return Err(LaunchError::Env(one.clone())),
            Some((name, value)) => env.push((name.to_owned(), value.to_owned())),
            None if one.is_empty() => return Err(LaunchError::Env(one.clone())),
            None => passed.push(one.clone()),
        }
    }
    Ok((env, passed))
}

/// The choice of `MCP_STDIO_CHILD_PER`.
fn child_per(config: &Config) -> Result<Option<ChildPer>, ConfigError> {
    let Some(text) = &config.stdio.child_per else { return Ok(None) };
    let invalid = |_| ConfigError::new("MCP_STDIO_CHILD_PER", text, ChildPer::NAMES.join(", "));
    text.parse().map(Some).map_err(invalid)
}

/// The server of an entry. The command line has precedence over the file, and the file over the variables.
fn server(
    entry: Entry,
    options: &Options,
    default: Option<ChildPer>,
    variables: &StdioConfig,
) -> StdioServer {
    let repeats = options.repeat_calls || entry.repeat_calls.unwrap_or(variables.repeat_calls);
    let mut server = StdioServer::new(&entry.command)
        .args(entry.args)
        .name(&entry.name)
        .pass_env(entry.pass_env)
        .repeat_calls(repeats);
    for (name, value) in entry.env {
        server = server.env(name, value);
    }
    if let Some(directory) = entry.cwd {
        server = server.cwd(directory);
    }
    if let Some(child_per) = options.child_per.or(entry.child_per).or(default) {
        server = server.child_per(child_per);
    }
    if let Some(most) = options.max_children.or(entry.max_children) {
        server = server.max_children(most);
    }
    if let Some(most) = options.max_processes.or(entry.max_processes).or(variables.max_processes) {
        server = server.max_processes(most);
    }
    if let Some(start) = options.start().or(entry.start) {
        server = server.start(start);
    }
    if let Some(timeout) = options.start_timeout.or(entry.start_timeout) {
        server = server.start_timeout(timeout);
    }
    if let Some(timeout) = options.call_timeout.or(entry.call_timeout) {
        server = server.call_timeout(timeout);
    }
    server
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_command_line_have_a_value_or_are_taken_from_this_process() {
        let given = ["A=1".to_owned(), "B=c=d".to_owned(), "E=".to_owned(), "F".to_owned()];
        let (env, passed) = variables(&given).expect("all are valid");
        let pairs: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((pairs, passed), (vec![("A", "1"), ("B", "c=d"), ("E", "")], vec!["F".to_owned()]));
        for wrong in ["", "=1"] {
            assert!(variables(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_server_is_named_after_its_program() {
        for (command, name) in [("npx", "npx"), ("/opt/bin/server.py", "server"), ("./a-b", "a-b")] {
            assert_eq!(name_of(command), name);
        }
        assert_eq!(prefix("aws.docs v2_x"), "aws-docs-v2_x");
    }

    /// What the construct that deploys this program relies on.
    #[test]
    fn the_contract_with_the_construct_is_kept() {
        let contract: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/contract/stdio.json")).expect("JSON");
        assert_eq!(contract["file"], OF_DEPLOYMENT);
        assert_eq!(contract["childPer"], serde_json::json!(ChildPer::NAMES));
        let variables = contract["variables"].as_object().expect("variables by what they are for");
        for name in variables.values() {
            let known = mcp_lambda_server::config::VARIABLES.iter().any(|variable| variable.name == name);
            assert!(known, "{name}");
        }
        // A file as the construct writes it, for a function that serves no requests.
        let entry = serde_json::json!({
            "command": "node", "args": ["${LAMBDA_TASK_ROOT}/server.js"], "cwd": ".", "env": { "A": "${A}" }, "start": contract["start"],
        });
        let mut keys: Vec<_> = entry.as_object().expect("an object").keys().collect();
        keys.sort_unstable();
        assert_eq!(contract["keys"], serde_json::json!(keys));
        let servers = contract["servers"].as_str().expect("a key");
        let file = serde_json::json!({ servers: { "one": entry } }).to_string();
        let read =
            config_file::entries(&file, &[], Path::new("/var/task"), &|name: &str| Some(name.to_owned()));
        let read = read.expect("a file that is read");
        assert_eq!(read[0].start, Some(mcp_lambda_server::stdio::Start::FirstUse));
        assert_eq!((&*read[0].args[0], &*read[0].env[0].1), ("LAMBDA_TASK_ROOT/server.js", "A"));
    }
}
