//! The kinds of events that a function serves.

use mcp_lambda_core::{Server, config::ProcessRole};

use super::error::InvocationError;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// An HTTP request, from a Function URL, an API of API Gateway or a load balancer.
    Http,
    /// A JSON-RPC message of the Invoke API.
    DirectInvoke,
    /// A request of API Gateway for an authorization.
    Authorizer,
    /// Messages of SNS.
    Sns,
    /// An event of `EventBridge`.
    EventBridge,
    /// Messages of SQS.
    Sqs,
    /// An action on tasks, such as the sweep.
    TaskAction,
    /// A call of a tool by `AgentCore` Gateway.
    AgentCore,
    /// The self-test of the function.
    SelfTest,
    /// The outcome of an asynchronous invocation.
    Completion,
    /// An event that keeps an environment warm.
    WarmUp,
}

/// What a function needs for events of tasks.
const RUN_TASKS: &str = "set TASK_QUEUE_URL, in a program that names tools with task_tool";

/// What a function needs to serve MCP.
const NO_LOGIN: &str = "MCP_ROLE=login makes it an authorization server, which serves HTTP alone";

/// The kinds of events that the configuration of a function lets it serve. Every function serves HTTP requests and the events
/// that need no action. All but the authorization server serve direct invocations, calls of `AgentCore` Gateway and self-tests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Roles {
    checks_tokens: bool,
    receives_events: bool,
    runs_tasks: bool,
    serves_mcp: bool,
}

impl Roles {
    pub(super) fn of(server: &Server) -> Self {
        let serves_mcp = server.config().role != ProcessRole::Login;
        Self {
            checks_tokens: serves_mcp && server.authenticator().checks_tokens(),
            receives_events: serves_mcp && server.config().events.enabled == Some(true),
            runs_tasks: serves_mcp && server.queue_worker().is_some(),
            serves_mcp,
        }
    }

    /// Rejects an event of a kind that the function does not serve. The error names the setting that enables the kind.
    pub(super) fn check(self, kind: EventKind) -> Result<(), InvocationError> {
        // The name of the kind, whether the function serves it, and what enables it.
        let (name, is_served, remedy) = match kind {
            EventKind::Http | EventKind::Completion | EventKind::WarmUp => return Ok(()),
            EventKind::DirectInvoke => ("direct invocation", self.serves_mcp, NO_LOGIN),
            EventKind::AgentCore => ("AgentCore Gateway", self.serves_mcp, NO_LOGIN),
            EventKind::SelfTest => ("self-test", self.serves_mcp, NO_LOGIN),
            EventKind::Authorizer => ("API Gateway authorizer", self.checks_tokens, "set MCP_JWT_ISSUER"),
            EventKind::Sns => ("SNS", self.receives_events, "set MCP_EVENTS=on"),
            EventKind::EventBridge => ("EventBridge", self.receives_events, "set MCP_EVENTS=on"),
            EventKind::Sqs => ("SQS", self.runs_tasks, RUN_TASKS),
            EventKind::TaskAction => ("task", self.runs_tasks, RUN_TASKS),
        };
        if is_served {
            return Ok(());
        }
        let message = format!("this function is not configured to serve {name} events: {remedy}");
        Err(InvocationError { kind: "NotConfigured", message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds that each configuration serves.
    #[test]
    fn a_function_serves_the_kinds_of_its_roles_and_says_how_to_serve_others() {
        let kinds = [
            EventKind::Http,
            EventKind::DirectInvoke,
            EventKind::AgentCore,
            EventKind::SelfTest,
            EventKind::Completion,
            EventKind::WarmUp,
            EventKind::Authorizer,
            EventKind::Sns,
            EventKind::EventBridge,
            EventKind::Sqs,
            EventKind::TaskAction,
        ];
        let served = |roles: Roles| kinds.map(|kind| roles.check(kind).is_ok());
        let (yes, no) = (true, false);
        let plain =
            Roles { checks_tokens: false, receives_events: false, runs_tasks: false, serves_mcp: true };
        assert_eq!(served(plain), [yes, yes, yes, yes, yes, yes, no, no, no, no, no]);
        let authorizer = Roles { checks_tokens: true, ..plain };
        assert_eq!(served(authorizer), [yes, yes, yes, yes, yes, yes, yes, no, no, no, no]);
        let ingest = Roles { receives_events: true, ..plain };
        assert_eq!(served(ingest), [yes, yes, yes, yes, yes, yes, no, yes, yes, no, no]);
        let worker = Roles { runs_tasks: true, ..plain };
        assert_eq!(served(worker), [yes, yes, yes, yes, yes, yes, no, no, no, yes, yes]);
        let login = Roles { serves_mcp: false, ..plain };
        assert_eq!(served(login), [yes, no, no, no, yes, yes, no, no, no, no, no]);
        let refused = plain.check(EventKind::Sns).expect_err("not served");
        assert!(refused.message.ends_with("SNS events: set MCP_EVENTS=on"), "{}", refused.message);
    }
}
