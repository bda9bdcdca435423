//! The resources of a stack: functions, tables, topic and queue, as the variables of the functions name them.

use serde_json::{Value, json};

use super::View;
use crate::{
    aws::Service,
    check::finding::{Checked, skipped},
};

/// How many functions of a stack are looked at.
const FUNCTIONS: usize = 40;

/// A resource of a stack.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// A function, by its configuration.
#[derive(Debug, Clone)]
pub(crate) struct Function(pub(crate) Value);

impl Function {
    pub(crate) fn name(&self) -> &str {
        self.0["FunctionName"].as_str().unwrap_or_default()
    }

    pub(crate) fn arn(&self) -> &str {
        arn_of(self.0["FunctionArn"].as_str().unwrap_or_default())
    }

    /// The value of an environment variable that is set, and not to nothing.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.0["Environment"]["Variables"][name].as_str().filter(|value| !value.is_empty())
    }

    /// Whether the keys of `requestState` are set, or the secret that has them.
    pub(crate) fn has_state_keys(&self) -> bool {
        ["MCP_STATE_KEYS_SECRET", "MCP_STATE_KEYS"].iter().any(|name| self.variable(name).is_some())
    }

    /// Whether it serves requests: only such a function has the keys of `requestState`.
    fn serves_requests(&self) -> bool {
        self.has_state_keys() || self.variable("MCP_RESPONSE_MODE").is_some()
    }
}

/// The ARN of a function without its version or alias.
pub(crate) fn arn_of(arn: &str) -> &str {
    match arn.match_indices(':').nth(6) {
        Some((end, _)) => &arn[..end],
        None => arn,
    }
}

/// The last part of an ARN or URL.
pub(crate) fn name_of(text: &str) -> &str {
    text.rsplit([':', '/']).next().unwrap_or(text)
}

impl View<'_> {
    /// The stack itself: its status and outputs.
    pub(crate) async fn stack(&self) -> Checked<Value> {
        let input = json!({ "StackName": self.stack.name() });
        let answer = self.read(Service::CloudFormation, "DescribeStacks", input).await?;
        Ok(answer["Stacks"][0].clone())
    }

    /// All resources of the stack.
    pub(crate) async fn resources(&self) -> Checked<Vec<Resource>> {
        let input = json!({ "StackName": self.stack.name() });
        let listed =
            self.list(Service::CloudFormation, "ListStackResources", input, "StackResourceSummaries").await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let resource =
            |one: &Value| Resource { kind: text(&one["ResourceType"]), id: text(&one["PhysicalResourceId"]) };
        Ok(listed.iter().map(resource).collect())
    }

    /// The ids of the resources of a type.
    pub(crate) async fn ids(&self, kind: &str) -> Checked<Vec<String>> {
        let resources = self.resources().await?;
        Ok(resources.into_iter().filter(|one| one.kind == kind).map(|one| one.id).collect())
    }

    /// The functions of the stack that are of the server: those that know its table of events.
    pub(crate) async fn functions(&self) -> Checked<Vec<Function>> {
        let mut functions = Vec::new();
        for id in self.ids("AWS::Lambda::Function").await?.into_iter().take(FUNCTIONS) {
            let input = json!({ "FunctionName": id });
            let answer = self.ask(Service::Lambda, "GetFunctionConfiguration", input.clone()).await;
            if answer.is_err_and(|error| error.is_missing()) {
                continue;
            }
            let function = Function(self.read(Service::Lambda, "GetFunctionConfiguration", input).await?);
            if function.variable("EVENT_TABLE_NAME").is_some() || function.serves_requests() {
                functions.push(function);
            }
        }
        if functions.is_empty() {
            skipped!(
                "the stack {} has no function with the variables of a server of this project",
                self.stack.name()
            );
        }
        Ok(functions)
    }

    /// The function that serves requests.
    pub(crate) async fn server(&self) -> Checked<Function> {
        let functions = self.functions().await?;
        match functions.iter().find(|function| function.serves_requests()) {
            Some(function) => Ok(function.clone()),
            None => skipped!("no function of the stack {} serves requests", self.stack.name()),
        }
    }

    /// The value of a variable of the server, for checks of what it names.
    pub(crate) async fn named(&self, variable: &str, what: &str) -> Checked<String> {
        match self.server().await?.variable(variable) {
            Some(value) => Ok(value.to_owned()),
            None => skipped!("the server has no {what}: its variable {variable} is not set"),
        }
    }

    /// The names of both tables, with what each is for.
    pub(crate) async fn tables(&self) -> Checked<[(&'static str, String); 2]> {
        let state = self.named("SESSION_TABLE_NAME", "table of sessions").await?;
        let events = self.named("EVENT_TABLE_NAME", "table of events").await?;
        Ok([("state", state), ("events", events)])
    }

    /// The alias by which the endpoint invokes a function, if it has one.
    pub(crate) async fn alias(&self, function: &Function) -> Checked<Option<String>> {
        let aliases = self.ids("AWS::Lambda::Alias").await?;
        let own = aliases.iter().find(|alias| arn_of(alias) == function.arn());
        Ok(own.map(|alias| name_of(alias).to_owned()))
    }
}
