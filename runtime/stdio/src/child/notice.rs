//! What a child announces beside its calls: that a list has changed, that a resource was updated, or a line of its log.

// SEP-2577 deprecates logging; servers and clients use it until it is gone.
#![allow(deprecated)]

use mcp_lambda_core::{
    auth::Principal,
    error::Causes,
    events::{Event, Events, PublishError},
    session::SessionId,
};
use rmcp::model::LoggingLevel;
use serde_json::Value;

/// An announcement of a child.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    pub(crate) what: Changed,
    /// Whether a call has announced it already.
    pub(crate) is_announced: bool,
}

/// What has changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Changed {
    Tools,
    Prompts,
    Resources,
    Resource(String),
    /// A log message that belongs to no call.
    Message {
        level: LoggingLevel,
        logger: Option<String>,
        data: Value,
    },
}

impl Notice {
    /// The announcement that a notification makes, if it makes one.
    pub(super) fn of(method: &str, params: Option<&Value>) -> Option<Self> {
        let what = match method {
            "notifications/tools/list_changed" => Changed::Tools,
            "notifications/prompts/list_changed" => Changed::Prompts,
            "notifications/resources/list_changed" => Changed::Resources,
            "notifications/resources/updated" => Changed::Resource(params?.get("uri")?.as_str()?.to_owned()),
            _ => return None,
        };
        Some(Self { what, is_announced: false })
    }

    /// The announcement that a log message makes while no call runs.
    pub(super) fn of_message(params: Option<&Value>) -> Option<Self> {
        let level = serde_json::from_value(params?.get("level")?.clone()).ok()?;
        let logger = params?.get("logger").and_then(Value::as_str).map(str::to_owned);
        let data = params?.get("data").cloned().unwrap_or_default();
        Some(Self { what: Changed::Message { level, logger, data }, is_announced: false })
    }

    pub(super) fn announced(self) -> Self {
        Self { is_announced: true, ..self }
    }

    fn event(&self) -> Event {
        match &self.what {
            Changed::Tools => Event::ToolsListChanged,
            Changed::Prompts => Event::PromptsListChanged,
            Changed::Resources => Event::ResourcesListChanged,
            Changed::Resource(uri) => Event::ResourceUpdated { uri: uri.clone() },
            Changed::Message { level, logger, data } => {
                Event::Message { level: *level, logger: logger.clone(), data: data.clone() }
            }
        }
    }
}

/// The clients that hear what a child announces.
#[derive(Debug, Clone)]
pub(crate) enum Audience {
    /// All clients of the server.
    All,
    /// The client of a session.
    Session(SessionId),
    /// The clients of a principal.
    Principal(Principal),
    /// No client: the child ends with its call.
    None,
}

impl Audience {
    /// Publishes what a child announces to the streams of all environments.
    pub(crate) async fn publish(&self, events: &Events, notice: &Notice) {
        let published: Result<_, PublishError> = match self {
            // Which client it is about is not known.
            Self::All if matches!(notice.what, Changed::Message { .. }) => {
                tracing::info!(message = ?notice.what, "a log message of the server that belongs to no call");
                return;
            }
            Self::All => events.publish(notice.event()).await.map_err(PublishError::from),
            Self::Session(session) => {
                events.publish_to(session, notice.event()).await.map_err(PublishError::from)
            }
            Self::Principal(principal) => events.publish_to_principal(principal, notice.event()).await,
            Self::None => return,
        };
        if let Err(error) = published {
            tracing::error!(error = %Causes(&error), "what a server has announced was not published");
        }
    }
}
