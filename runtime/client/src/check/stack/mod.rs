//! A deployed server: what AWS says of the resources of its stack.

mod find;
mod resources;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use serde_json::{Value, json};

pub(crate) use self::{
    find::find,
    resources::{Function, arn_of, name_of},
};
use super::{
    finding::{Checked, Exchange, Stop, failed, skipped},
    wire::Transcript,
};
use crate::aws::{Api, ApiError, Call, Service};

/// How many pages of a list are read.
const PAGES: usize = 20;
/// How much of an answer is kept for the report.
const SHOWN: usize = 2_000;

/// Where the answers of AWS come from.
pub(crate) trait Source: Send + Sync {
    /// Makes one call.
    fn ask<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, ApiError>>;
}

impl Source for Api {
    fn ask<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, ApiError>> {
        Box::pin(self.call(call))
    }
}

/// The stack of a server, for the suite `infrastructure`. Made by [`Remote::stack`](crate::Remote::stack).
#[derive(Clone)]
pub struct Stack {
    name: String,
    source: Arc<dyn Source>,
    /// One call is made once, however many checks look at its answer.
    answers: Arc<Mutex<HashMap<String, Result<Value, ApiError>>>>,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Stack {
    pub(crate) fn new(name: String, source: Arc<dyn Source>) -> Self {
        Self { name, source, answers: Arc::default() }
    }

    /// The name of the stack.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    async fn answer(&self, call: &Call) -> Result<Value, ApiError> {
        let key = call.to_string();
        let known = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(answer) = known {
            return answer;
        }
        let answer = self.source.ask(call).await;
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer.clone());
        answer
    }
}

/// A stack as one check looks at it: what the check reads is in its transcript.
pub(crate) struct View<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) transcript: &'a Transcript,
}

impl View<'_> {
    /// The answer to a call.
    pub(crate) async fn ask(
        &self,
        service: Service,
        operation: &'static str,
        input: Value,
    ) -> Result<Value, ApiError> {
        let call = Call::new(service, operation, input);
        let answer = self.stack.answer(&call).await;
        let received = match &answer {
            Ok(value) => shown(value),
            Err(error) => error.to_string(),
        };
        let mut transcript = self.transcript.lock().unwrap_or_else(PoisonError::into_inner);
        let exchange = Exchange { sent: call.to_string(), received };
        if !transcript.contains(&exchange) {
            transcript.push(exchange);
        }
        answer
    }

    /// The answer to a call that a check cannot do without. The check is skipped if the caller may not make it, or if the
    /// resource is missing, which is the finding of another check.
    pub(crate) async fn read(
        &self,
        service: Service,
        operation: &'static str,
        input: Value,
    ) -> Checked<Value> {
        let action = Call::new(service, operation, Value::Null).action();
        match self.ask(service, operation, input).await {
            Ok(value) => Ok(value),
            Err(error) if error.is_denied() => skipped!("the caller lacks the permission {action}: {error}"),
            Err(error) if error.is_missing() => skipped!("there is nothing to read: {error}"),
            Err(error) => failed!("{action}: {error}"),
        }
    }

    /// Like [`read`](Self::read), with `None` for what does not exist.
    pub(crate) async fn find(
        &self,
        service: Service,
        operation: &'static str,
        input: Value,
    ) -> Checked<Option<Value>> {
        match self.ask(service, operation, input.clone()).await {
            Err(error) if error.is_missing() => Ok(None),
            _ => self.read(service, operation, input).await.map(Some),
        }
    }

    /// The members of a list with `NextToken`, of all pages.
    pub(crate) async fn list(
        &self,
        service: Service,
        operation: &'static str,
        mut input: Value,
        list: &str,
    ) -> Checked<Vec<Value>> {
        let mut members = Vec::new();
        for _ in 0..PAGES {
            let mut page = self.read(service, operation, input.clone()).await?;
            if let Some(Value::Array(found)) = page.get_mut(list).map(Value::take) {
                members.extend(found);
            }
            match page["NextToken"].as_str() {
                None | Some("") => return Ok(members),
                Some(token) => input["NextToken"] = json!(token),
            }
        }
        Err(Stop::Skipped(format!("the list of {operation} has more than {PAGES} pages")))
    }
}

/// An answer as the report shows it: without the values of environment variables that are not this project's names of
/// resources, as they may be secrets.
fn shown(value: &Value) -> String {
    let mut value = value.clone();
    hide(&mut value);
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Variables with names of resources, or with settings.
const PLAIN: [&str; 9] = [
    "EVENT_TABLE_NAME",
    "MCP_EVENTS",
    "MCP_JWT_ISSUER",
    "MCP_RESPONSE_MODE",
    "MCP_STREAMS",
    "MCP_STREAM_SECONDS",
    "SESSION_TABLE_NAME",
    "SNS_TOPIC_ARN",
    "TASK_QUEUE_URL",
];

fn hide(value: &mut Value) {
    let variables = value.get_mut("Variables").and_then(Value::as_object_mut);
    for (name, variable) in variables.into_iter().flatten() {
        if !PLAIN.contains(&name.as_str()) {
            *variable = json!("(hidden)");
        }
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(hide),
        Value::Array(members) => members.iter_mut().for_each(hide),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_shows_no_value_of_a_variable_that_may_be_a_secret() {
        let answer = json!({ "Environment": { "Variables": {
            "MCP_STATE_KEYS": "k1:planted-key", "API_PASSWORD": "planted", "EVENT_TABLE_NAME": "events",
        } } });
        let text = shown(&answer);
        assert!(
            !text.contains("planted") && text.contains("events") && text.contains("MCP_STATE_KEYS"),
            "{text}"
        );
    }
}
