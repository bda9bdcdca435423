//! Parsing of variables: each value in the type of its setting, or the reason why it is invalid.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use super::{
    AllowList, LargeResultConfig, LogFilter, LogFormat, LogLevel, ProcessRole, ResponseMode, SessionMode,
    StdioConfig, StoreChoice, Tables, TaskConfig, TlsRoots, Variable, postgres_url::without_user,
    variables::*,
};
use crate::{
    error::ConfigError,
    keys::{self, NamedKey},
};

/// The shortest lease of a task, in seconds: it is extended a few times before it would expire.
const SHORTEST_LEASE: u32 = 10;

/// The smallest limit of results that are returned as they are, in bytes: links have to fit as well.
const SMALLEST_LARGE_RESULT: u32 = 16 * 1024;
/// The longest time for which a presigned URL is valid:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html> (read 2026-11-28).
const LONGEST_LINK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The environment: looks up the value of a variable by its name.
pub(crate) struct Env<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

impl Env<'_> {
    /// The value of a variable. An empty value counts as none, because templates write it for a parameter that is left out.
    pub(crate) fn get(&self, variable: &Variable) -> Option<String> {
        std::iter::once(variable.name)
            .chain(variable.alias)
            .filter_map(self.0)
            .map(|value| value.trim().to_owned())
            .find(|value| !value.is_empty())
    }

    pub(super) fn parse<T: FromStr>(
        &self,
        variable: &Variable,
        default: T,
        expected: &str,
    ) -> Result<T, ConfigError> {
        self.get(variable)
            .map_or(Ok(default), |text| text.parse().map_err(|_| invalid_value(variable, &text, expected)))
    }

    /// The local address: a whole one, or another port of the default.
    pub(super) fn listen(&self, default: SocketAddr) -> Result<SocketAddr, ConfigError> {
        let port = self.parse(&PORT, default.port(), "a port from 0 to 65535")?;
        self.parse(&LISTEN, SocketAddr::new(default.ip(), port), "an address such as 127.0.0.1:9000")
    }

    /// The file with definitions of tools. One that nothing would read is an error.
    pub(super) fn tool_definitions(&self) -> Result<Option<PathBuf>, ConfigError> {
        let path = self.get(&TOOL_DEFINITIONS);
        if let (Some(path), false) = (&path, cfg!(feature = "tool-definitions")) {
            let expected = "nothing: this program was built without the feature tool-definitions";
            return Err(invalid_value(&TOOL_DEFINITIONS, path, expected));
        }
        Ok(path.map(PathBuf::from))
    }

    /// The address of the page of metrics, which needs no token: no other machine may reach it.
    pub(super) fn metrics_address(&self) -> Result<Option<SocketAddr>, ConfigError> {
        let address = |text: String| match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(address),
            _ => Err(invalid_value(&METRICS_ADDR, &text, "a loopback address such as 127.0.0.1:9100")),
        };
        self.get(&METRICS_ADDR).map(address).transpose()
    }

    /// The level of lines of metrics. Lambda drops lines below its own level, whatever they are.
    #[cfg(feature = "metrics")]
    pub(super) fn metrics_level(&self) -> &'static str {
        let level = (self.0)("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default().to_ascii_uppercase();
        ["WARN", "ERROR", "FATAL"].into_iter().find(|known| *known == level).unwrap_or("INFO")
    }

    /// A whole number, of 32 bits so that a time or a size computed from it cannot overflow.
    pub(crate) fn optional(&self, variable: &Variable, min: u32) -> Result<Option<u64>, ConfigError> {
        self.get(variable)
            .map(|text| match text.parse::<u32>() {
                Ok(number) if number >= min => Ok(u64::from(number)),
                _ => {
                    Err(invalid_value(variable, &text, &format!("a whole number from {min} to {}", u32::MAX)))
                }
            })
            .transpose()
    }

    pub(crate) fn count(&self, variable: &Variable, default: usize) -> Result<usize, ConfigError> {
        let found = self.optional(variable, 1)?;
        Ok(found.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX)))
    }

    pub(crate) fn seconds(
        &self,
        variable: &Variable,
        default: Duration,
        min: u32,
    ) -> Result<Duration, ConfigError> {
        Ok(self.optional(variable, min)?.map_or(default, Duration::from_secs))
    }

    pub(crate) fn switch(&self, variable: &Variable, default: bool) -> Result<bool, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(default) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" | "yes" => Ok(true),
            "false" | "off" | "0" | "no" => Ok(false),
            _ => Err(invalid_value(variable, &text, "on or off (true or false)")),
        }
    }

    pub(super) fn list(
        &self,
        variable: &Variable,
        expected: &str,
        is_valid: fn(&str) -> bool,
    ) -> Result<AllowList, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(AllowList::Loopback) };
        if text == "*" {
            return Ok(AllowList::Any);
        }
        let items: Vec<_> = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        match items.iter().find(|item| !is_valid(item)) {
            Some(invalid) => Err(invalid_value(variable, invalid, expected)),
            None => Ok(AllowList::List(items)),
        }
    }

    pub(super) fn addresses(&self, variable: &Variable) -> Result<Vec<IpAddr>, ConfigError> {
        let text = self.get(variable).unwrap_or_default();
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items
            .map(|item| {
                item.parse().map_err(|_| invalid_value(variable, item, "IP addresses such as 10.0.0.7"))
            })
            .collect()
    }

    pub(crate) fn path(&self, variable: &Variable, default: String) -> Result<String, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(default) };
        let is_valid = Path::new(&text).is_absolute() && !text.contains(['?', '#', '*', ' ']);
        if is_valid { Ok(text) } else { Err(invalid_value(variable, &text, "a path such as /mcp")) }
    }

    /// Where state is kept. A choice of DynamoDB without its tables is an error, and so is a file on Lambda.
    pub(super) fn store(&self) -> Result<StoreChoice, ConfigError> {
        let expected = "memory, dynamodb, sqlite: and the path of a file, such as sqlite:/var/lib/mcp/server.db, or the URL of a \
                        database, such as postgres://mcp@db.example/mcp";
        let Some(text) = self.get(&STORE) else { return Ok(StoreChoice::Auto) };
        match text.as_str() {
            "memory" => Ok(StoreChoice::Memory),
            "dynamodb" if self.get(&SESSION_TABLE).is_none() => {
                Err(invalid_value(&SESSION_TABLE, "", "the name of a table, since MCP_STORE is dynamodb"))
            }
            "dynamodb" => Ok(StoreChoice::DynamoDb),
            _ => match text.strip_prefix("sqlite:") {
                Some(_) if self.get(&RUNTIME_API).is_some() => {
                    let expected = "memory, dynamodb or postgres://…: the execution environments of Lambda share no file";
                    Err(invalid_value(&STORE, &text, expected))
                }
                Some(path) if !path.is_empty() => Ok(StoreChoice::Sqlite(path.into())),
                _ => match text.parse() {
                    Ok(url) => Ok(StoreChoice::Postgres(url)),
                    // It may be the URL of another database, with a password.
                    Err(_) => Err(invalid_value(&STORE, &without_user(&text), expected)),
                },
            },
        }
    }

    /// The number of connections to a database.
    pub(super) fn store_connections(&self, default: usize) -> Result<usize, ConfigError> {
        let of_lambda = match self.get(&RUNTIME_API) {
            Some(_) => self.count(&MAX_CONCURRENCY, 1)?.saturating_add(1).min(default),
            None => default,
        };
        self.count(&STORE_CONNECTIONS, of_lambda)
    }

    /// The names of the tables. One without the other is an error: the other half of the state would be in memory, and
    /// lost between requests.
    pub(super) fn tables(&self) -> Result<Option<Tables>, ConfigError> {
        match (self.get(&SESSION_TABLE), self.get(&EVENT_TABLE)) {
            (Some(state), Some(events)) => Ok(Some(Tables::new(state, events))),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(invalid_value(&EVENT_TABLE, "", "the name of a table, since SESSION_TABLE_NAME is set"))
            }
            (None, Some(_)) => {
                Err(invalid_value(&SESSION_TABLE, "", "the name of a table, since EVENT_TABLE_NAME is set"))
            }
        }
    }

    pub(super) fn topic_arn(&self) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.get(&TOPIC_ARN) else { return Ok(None) };
        let is_valid = text.starts_with("arn:") && text.split(':').count() == 6 && !text.ends_with(".fifo");
        let expected = "the ARN of a standard topic, as arn:aws:sns:us-east-1:123456789012:mcp-global-events";
        if is_valid { Ok(Some(text)) } else { Err(invalid_value(&TOPIC_ARN, &text, expected)) }
    }

    pub(super) fn tasks(&self, default: &TaskConfig) -> Result<TaskConfig, ConfigError> {
        let attempts = self.optional(&TASK_ATTEMPTS, 1)?.and_then(|attempts| u32::try_from(attempts).ok());
        Ok(TaskConfig {
            queue_url: self.queue_url()?,
            ttl: self.seconds(&TASK_TTL_SECONDS, default.ttl, 1)?,
            per_principal: self.count(&TASKS_PER_PRINCIPAL, default.per_principal)?,
            per_process: self.count(&TASKS_PER_PROCESS, default.per_process)?,
            lease: self.seconds(&TASK_LEASE_SECONDS, default.lease, SHORTEST_LEASE)?,
            attempts: attempts.unwrap_or(default.attempts),
        })
    }

    fn queue_url(&self) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.get(&TASK_QUEUE_URL) else { return Ok(None) };
        if text == TaskConfig::DATABASE {
            let expected = match (self.store()?, self.get(&RUNTIME_API)) {
                (StoreChoice::Postgres(_), None) => return Ok(Some(text)),
                (_, Some(_)) => "the URL of a queue of SQS: Lambda polls no queue of a database",
                _ => "the URL of a queue of SQS, unless MCP_STORE is the URL of a database",
            };
            return Err(invalid_value(&TASK_QUEUE_URL, &text, expected));
        }
        let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let is_valid = rest.is_some_and(|rest| rest.trim_end_matches('/').contains('/'))
            && !text.contains(['?', '#', ' '])
            && !text.ends_with(".fifo");
        let expected =
            "the URL of a standard queue, as https://sqs.us-east-1.amazonaws.com/123456789012/mcp-tasks";
        if is_valid { Ok(Some(text)) } else { Err(invalid_value(&TASK_QUEUE_URL, &text, expected)) }
    }

    pub(super) fn stdio(&self) -> Result<StdioConfig, ConfigError> {
        let command = match self.get(&STDIO_COMMAND) {
            None => Vec::new(),
            Some(text) => {
                let words: Option<Vec<String>> = serde_json::from_str(&text).ok();
                let words = words.filter(|words| words.first().is_some_and(|program| !program.is_empty()));
                let expected = r#"a JSON array of a program and its arguments, such as ["node","server.js"]"#;
                words.ok_or_else(|| invalid_value(&STDIO_COMMAND, &text, expected))?
            }
        };
        Ok(StdioConfig {
            command,
            config: self.get(&STDIO_CONFIG).map(Into::into),
            child_per: self.get(&STDIO_CHILD_PER),
            repeat_calls: self.switch(&STDIO_REPEAT_CALLS, false)?,
            max_processes: self
                .optional(&STDIO_MAX_PROCESSES, 1)?
                .and_then(|most| usize::try_from(most).ok()),
            is_exec_wrapper: self.get(&EXEC_WRAPPER).is_some(),
            task_root: self.get(&TASK_ROOT).map(Into::into),
        })
    }

    pub(super) fn tls_roots(&self) -> Result<TlsRoots, ConfigError> {
        match self.get(&TLS_ROOTS).as_deref() {
            None | Some("amazon") => Ok(TlsRoots::Amazon),
            Some("native") => Ok(TlsRoots::Native),
            Some(text) => Err(invalid_value(&TLS_ROOTS, text, "amazon or native")),
        }
    }

    pub(super) fn role(&self) -> Result<ProcessRole, ConfigError> {
        match self.get(&ROLE).as_deref() {
            None | Some("server") => Ok(ProcessRole::Server),
            Some("worker") => Ok(ProcessRole::Worker),
            Some("agentcore-schema") => Ok(ProcessRole::AgentCoreSchema),
            Some("login") => Ok(ProcessRole::Login),
            Some(text) => Err(invalid_value(&ROLE, text, "server, worker, agentcore-schema or login")),
        }
    }

    pub(super) fn response_mode(&self) -> Result<ResponseMode, ConfigError> {
        match self.get(&RESPONSE_MODE).as_deref() {
            None | Some("auto") => Ok(ResponseMode::Auto),
            Some("stream") => Ok(ResponseMode::Stream),
            Some("buffered") => Ok(ResponseMode::Buffered),
            Some(text) => Err(invalid_value(&RESPONSE_MODE, text, "stream, buffered or auto")),
        }
    }

    pub(super) fn session_mode(&self) -> Result<Option<SessionMode>, ConfigError> {
        match self.get(&SESSIONS).as_deref() {
            None => Ok(None),
            Some("required") => Ok(Some(SessionMode::Required)),
            Some("optional") => Ok(Some(SessionMode::Optional)),
            Some("off") => Ok(Some(SessionMode::Off)),
            Some("platform") => Ok(Some(SessionMode::Platform)),
            Some(text) => Err(invalid_value(&SESSIONS, text, "required, optional, off or platform")),
        }
    }

    pub(super) fn log_filter(&self) -> Result<LogFilter, ConfigError> {
        let level =
            self.parse(&LOG_LEVEL, LogLevel::default(), "trace, debug, info, warn, error, fatal or off")?;
        self.parse(&LOG, LogFilter::of_level(level), "a filter such as info,rmcp=warn")
    }

    pub(super) fn log_payloads(&self) -> Result<usize, ConfigError> {
        Ok(self
            .optional(&LOG_PAYLOADS, 0)?
            .map_or(0, |characters| usize::try_from(characters).unwrap_or(usize::MAX)))
    }

    pub(super) fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.get(&LOG_FORMAT).map(|text| text.to_ascii_lowercase()).as_deref() {
            None if self.get(&RUNTIME_API).is_some() => Ok(LogFormat::Json),
            None | Some("text") => Ok(LogFormat::Text),
            Some("json") => Ok(LogFormat::Json),
            Some(text) => Err(invalid_value(&LOG_FORMAT, text, "text or json")),
        }
    }

    /// The keys of `requestState`. Errors do not quote the value, because it is a secret.
    pub(super) fn state_keys(&self) -> Result<Vec<NamedKey>, ConfigError> {
        let Some(text) = self.get(&STATE_KEYS) else { return Ok(Vec::new()) };
        keys::parse_list(&text)
            .map_err(|entry| invalid_value(&STATE_KEYS, &format!("(entry {})", entry.number), entry.expected))
    }

    /// The ARN of the secret with the keys of `requestState`.
    pub(super) fn state_keys_secret(&self) -> Result<Option<String>, ConfigError> {
        let secret = self.secret_arn(&STATE_KEYS_SECRET)?;
        match secret {
            Some(arn) if self.get(&STATE_KEYS).is_some() => {
                Err(invalid_value(&STATE_KEYS_SECRET, &arn, "to be unset, since MCP_STATE_KEYS is set"))
            }
            secret => Ok(secret),
        }
    }

    pub(super) fn large_results(&self, default: LargeResultConfig) -> Result<LargeResultConfig, ConfigError> {
        let bucket = self.get(&LARGE_RESULTS_BUCKET);
        if let Some(text) = bucket.as_deref().filter(|text| !is_bucket(text)) {
            return Err(invalid_value(
                &LARGE_RESULTS_BUCKET,
                text,
                "the name of a bucket, such as mcp-results-123",
            ));
        }
        let prefix = self.get(&LARGE_RESULTS_PREFIX).unwrap_or(default.prefix);
        if !is_prefix(&prefix) {
            let expected =
                "names of letters, digits, ., _ and - with a slash after each, such as mcp-results/";
            return Err(invalid_value(&LARGE_RESULTS_PREFIX, &prefix, expected));
        }
        let bytes = self.optional(&LARGE_RESULTS_BYTES, SMALLEST_LARGE_RESULT)?;
        let link_lifetime = self.seconds(&LARGE_RESULTS_LINK_SECONDS, default.link_lifetime, 60)?;
        if link_lifetime > LONGEST_LINK {
            let found = link_lifetime.as_secs().to_string();
            return Err(invalid_value(
                &LARGE_RESULTS_LINK_SECONDS,
                &found,
                "a whole number from 60 to 604800",
            ));
        }
        Ok(LargeResultConfig {
            bucket,
            prefix,
            max_bytes: bytes.map_or(default.max_bytes, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            link_lifetime,
        })
    }

    /// The ARN of a secret of Secrets Manager.
    pub(crate) fn secret_arn(&self, variable: &Variable) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(None) };
        let parts: Vec<_> = text.split(':').collect();
        let is_valid = matches!(parts[..], ["arn", partition, "secretsmanager", region, account, "secret", name]
            if [partition, region, account, name].iter().all(|part| !part.is_empty()));
        let expected =
            "the ARN of a secret, as arn:aws:secretsmanager:us-east-1:123456789012:secret:mcp-keys-AbCdEf";
        if is_valid { Ok(Some(text)) } else { Err(invalid_value(variable, &text, expected)) }
    }
}

fn is_bucket(text: &str) -> bool {
    (3..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
}

fn is_prefix(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    text.len() <= 256 && text.strip_suffix('/').is_some_and(|names| names.split('/').all(is_name))
}

/// An error about the value of a variable.
pub(crate) fn invalid_value(variable: &Variable, found: &str, expected: &str) -> ConfigError {
    ConfigError::new(variable.name, found, expected)
}
