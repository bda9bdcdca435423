//! The command of a child, and the environment that it sees.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use mcp_lambda_core::config::process_environment;
use tokio::process::Command;

/// What a child is started with.
#[derive(Debug, Clone)]
pub(crate) struct ChildCommand {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    /// Variables with a value of their own.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Names of variables of this process that the child gets too.
    pub(crate) pass_env: Vec<String>,
    pub(crate) cwd: Option<PathBuf>,
}

/// Variables that programs need to run at all: where things are, which language, which certificates, which proxy.
const SYSTEM: [&str; 24] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TMP",
    "TEMP",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "APPDATA",
    "LOCALAPPDATA",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];
/// With these a child could take the invocations of its function, or start as another runtime.
const WITHHELD: [&str; 3] =
    ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_EXEC_WRAPPER", "AWS_LAMBDA_INITIALIZATION_TYPE"];
/// Is set in every execution environment of Lambda.
const ON_LAMBDA: &str = "LAMBDA_TASK_ROOT";
/// Where a child may write on Lambda: `/tmp` alone is writable there.
const ON_LAMBDA_HOME: [(&str, &str); 5] = [
    ("HOME", "/tmp"),
    ("TMPDIR", "/tmp"),
    ("XDG_CACHE_HOME", "/tmp/.cache"),
    ("XDG_CONFIG_HOME", "/tmp/.config"),
    ("npm_config_cache", "/tmp/.npm"),
];

impl ChildCommand {
    pub(crate) fn new(program: OsString) -> Self {
        Self { program, args: Vec::new(), env: Vec::new(), pass_env: Vec::new(), cwd: None }
    }

    /// Whether the child gets a variable of this process.
    fn is_passed(&self, name: &str) -> bool {
        let is_listed = self.pass_env.iter().any(|listed| listed == name);
        let is_system = SYSTEM.contains(&name.to_ascii_uppercase().as_str()) || name.starts_with("LC_");
        is_listed || is_system || (name.starts_with("AWS_") && !WITHHELD.contains(&name))
    }

    /// The variables of the child, the last of each name.
    fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut environment = process_environment(|name| self.is_passed(name));
        if environment.iter().any(|(name, _)| name == ON_LAMBDA) {
            environment.extend(ON_LAMBDA_HOME.map(|(name, value)| (name.into(), value.into())));
        }
        environment.extend(self.env.iter().cloned());
        environment
    }

    /// The command, ready to be started.
    pub(crate) fn prepared(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.environment());
        if let Some(directory) = &self.cwd {
            command.current_dir(directory);
        }
        command
    }

    /// Where the program was looked for.
    pub(crate) fn searched(&self) -> String {
        if self.program.to_string_lossy().contains(std::path::MAIN_SEPARATOR) {
            return "there is no such file".to_owned();
        }
        let environment = self.environment();
        let path =
            environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_os_str());
        format!(
            "no directory of PATH has it ({})",
            path.unwrap_or(OsStr::new("PATH is not set")).to_string_lossy()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_sees_what_is_listed_and_what_aws_sets_and_no_more() {
        let mut command = ChildCommand::new("x".into());
        command.pass_env.push("GITHUB_TOKEN".to_owned());
        for passed in ["PATH", "LC_ALL", "https_proxy", "AWS_REGION", "AWS_SESSION_TOKEN", "GITHUB_TOKEN"] {
            assert!(command.is_passed(passed), "{passed}");
        }
        for withheld in ["AWS_LAMBDA_RUNTIME_API", "MCP_STATE_KEYS", "DATABASE_URL", "_HANDLER"] {
            assert!(!command.is_passed(withheld), "{withheld}");
        }
        command.env.push(("PATH".into(), "/only".into()));
        let environment = command.environment();
        let last = environment.iter().rev().find(|(name, _)| name == "PATH");
        assert_eq!(last.map(|(_, path)| path.as_os_str()), Some(OsStr::new("/only")));
        assert!(command.searched().contains("/only"), "{}", command.searched());
    }
}
