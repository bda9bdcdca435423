//! Reading values: what is there, in the type that is wanted, or why it cannot be used.

use std::{path::Path, str::FromStr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{AllowList, LogFormat, ResponseMode, StateKey, Tables, TlsRoots, Variable, variables::*};
use crate::{error::ConfigError, telemetry};

/// PollSchedule variables up.
pub(crate) struct Env<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

impl Env<'_> {
    /// An empty value is no value: that is how templates leave a variable out.
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
            .map_or(Ok(default), |text| text.parse().map_err(|_| wrong(variable, &text, expected)))
    }

    /// Bounded, so that a time or a size made of it cannot overflow.
    pub(crate) fn optional(&self, variable: &Variable, least: u32) -> Result<Option<u64>, ConfigError> {
        self.get(variable)
            .map(|text| match text.parse::<u32>() {
                Ok(number) if number >= least => Ok(u64::from(number)),
                _ => Err(wrong(variable, &text, &format!("a whole number from {least} to {}", u32::MAX))),
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
        least: u32,
    ) -> Result<Duration, ConfigError> {
        Ok(self.optional(variable, least)?.map_or(default, Duration::from_secs))
    }

    pub(crate) fn switch(&self, variable: &Variable, default: bool) -> Result<bool, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(default) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" | "yes" => Ok(true),
            "false" | "off" | "0" | "no" => Ok(false),
            _ => Err(wrong(variable, &text, "on or off (true or false)")),
        }
    }

    pub(super) fn list(
        &self,
        variable: &Variable,
        expected: &str,
        fits: fn(&str) -> bool,
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
        match items.iter().find(|item| !fits(item)) {
            Some(bad) => Err(wrong(variable, bad, expected)),
            None => Ok(AllowList::List(items)),
        }
    }

    pub(crate) fn path(&self, variable: &Variable, default: String) -> Result<String, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(default) };
        let fits = Path::new(&text).is_absolute() && !text.contains(['?', '#', '*', ' ']);
        if fits { Ok(text) } else { Err(wrong(variable, &text, "a path such as /mcp")) }
    }

    /// Both or none: half of the state in memory would be lost on every other request.
    pub(super) fn tables(&self) -> Result<Option<Tables>, ConfigError> {
        match (self.get(&SESSION_TABLE), self.get(&EVENT_TABLE)) {
            (Some(state), Some(events)) => Ok(Some(Tables { state, events })),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(wrong(&EVENT_TABLE, "", "the name of a table, since SESSION_TABLE_NAME is set"))
            }
            (None, Some(_)) => {
                Err(wrong(&SESSION_TABLE, "", "the name of a table, since EVENT_TABLE_NAME is set"))
            }
        }
    }

    pub(super) fn topic_arn(&self) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.get(&TOPIC_ARN) else { return Ok(None) };
        let fits = text.starts_with("arn:") && text.split(':').count() == 6 && !text.ends_with(".fifo");
        let expected = "the ARN of a standard topic, as arn:aws:sns:us-east-1:123456789012:mcp-global-events";
        if fits { Ok(Some(text)) } else { Err(wrong(&TOPIC_ARN, &text, expected)) }
    }

    pub(super) fn tls_roots(&self) -> Result<TlsRoots, ConfigError> {
        match self.get(&TLS_ROOTS).as_deref() {
            None | Some("amazon") => Ok(TlsRoots::Amazon),
            Some("native") => Ok(TlsRoots::Native),
            Some(text) => Err(wrong(&TLS_ROOTS, text, "amazon or native")),
        }
    }

    pub(super) fn response_mode(&self) -> Result<ResponseMode, ConfigError> {
        match self.get(&RESPONSE_MODE).as_deref() {
            None | Some("auto") => Ok(ResponseMode::Auto),
            Some("stream") => Ok(ResponseMode::Stream),
            Some("buffered") => Ok(ResponseMode::Buffered),
            Some(text) => Err(wrong(&RESPONSE_MODE, text, "stream, buffered or auto")),
        }
    }

    pub(super) fn log_filter(&self, default: String) -> Result<String, ConfigError> {
        let Some(text) = self.get(&LOG) else { return Ok(default) };
        let usable = telemetry::filter(&text).is_some();
        if usable { Ok(text) } else { Err(wrong(&LOG, &text, "a filter such as info,rmcp=warn")) }
    }

    pub(super) fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.get(&LOG_FORMAT).map(|text| text.to_ascii_lowercase()).as_deref() {
            None if self.get(&RUNTIME_API).is_some() => Ok(LogFormat::Json),
            None | Some("text") => Ok(LogFormat::Text),
            Some("json") => Ok(LogFormat::Json),
            Some(text) => Err(wrong(&LOG_FORMAT, text, "text or json")),
        }
    }

    /// Never quotes the value: it is a secret.
    pub(super) fn state_keys(&self) -> Result<Vec<StateKey>, ConfigError> {
        let Some(text) = self.get(&STATE_KEYS) else { return Ok(Vec::new()) };
        let mut keys: Vec<StateKey> = Vec::new();
        for (at, item) in text.split(',').enumerate() {
            let refuse = || {
                let expected = "id:base64 with 32 bytes or more behind the colon and a new id each (openssl rand -base64 32)";
                wrong(&STATE_KEYS, &format!("(entry {})", at + 1), expected)
            };
            let (id, secret) = item.trim().split_once(':').ok_or_else(refuse)?;
            let secret = STANDARD.decode(secret).map_err(|_| refuse())?;
            let fits =
                !id.is_empty() && id.len() <= 64 && secret.len() >= 32 && keys.iter().all(|key| key.id != id);
            if !fits {
                return Err(refuse());
            }
            keys.push(StateKey { id: id.to_owned(), secret });
        }
        Ok(keys)
    }
}

pub(crate) fn wrong(variable: &Variable, found: &str, expected: &str) -> ConfigError {
    ConfigError { variable: variable.name, found: found.to_owned(), expected: expected.to_owned() }
}
