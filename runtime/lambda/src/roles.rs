//! The kinds of events that a function serves.

use mcp_lambda_core::Server;

use super::error::InvocationError;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventKind {
    Http,
    DirectInvoke,
    Authorizer,
    Sns,
    EventBridge,
    Sqs,
    AgentCore,
    Completion,
    WarmUp,
}

/// What the configuration of a function lets it serve, besides HTTP requests and direct invocations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Roles {
    checks_tokens: bool,
    receives_events: bool,
}

impl Roles {
    pub(super) fn of(server: &Server) -> Self {
        Self {
            checks_tokens: server.authenticator().checks_tokens(),
            receives_events: server.config().events.enabled == Some(true),
        }
    }

    /// Refuses an event of a kind that the function does not serve, with the setting that would change it.
    pub(super) fn check(self, kind: EventKind) -> Result<(), InvocationError> {
        let (served, name, mend) = match kind {
            EventKind::Http | EventKind::DirectInvoke | EventKind::Completion | EventKind::WarmUp => {
                return Ok(());
            }
            EventKind::Authorizer => (self.checks_tokens, "API Gateway authorizer", "set MCP_JWT_ISSUER"),
            EventKind::Sns => (self.receives_events, "SNS", "set MCP_EVENTS=on"),
            EventKind::EventBridge => (self.receives_events, "EventBridge", "set MCP_EVENTS=on"),
            EventKind::Sqs => (false, "SQS", "this version has no role for them"),
            EventKind::AgentCore => (false, "AgentCore Gateway", "this version has no role for them"),
        };
        if served {
            return Ok(());
        }
        let message = format!("this function is not configured to serve {name} events: {mend}");
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
            EventKind::Completion,
            EventKind::WarmUp,
            EventKind::Authorizer,
            EventKind::Sns,
            EventKind::EventBridge,
            EventKind::Sqs,
            EventKind::AgentCore,
        ];
        let served = |roles: Roles| kinds.map(|kind| roles.check(kind).is_ok());
        let (yes, no) = (true, false);
        let plain = Roles { checks_tokens: false, receives_events: false };
        assert_eq!(served(plain), [yes, yes, yes, yes, no, no, no, no, no]);
        let authorizer = Roles { checks_tokens: true, ..plain };
        assert_eq!(served(authorizer), [yes, yes, yes, yes, yes, no, no, no, no]);
        let ingest = Roles { receives_events: true, ..plain };
        assert_eq!(served(ingest), [yes, yes, yes, yes, no, yes, yes, no, no]);
        let refused = plain.check(EventKind::Sns).expect_err("not served");
        assert!(refused.message.ends_with("SNS events: set MCP_EVENTS=on"), "{}", refused.message);
    }
}
