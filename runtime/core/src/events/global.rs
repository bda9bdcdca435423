//! What happens in a deployment and around it, in words that every server shares.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use rmcp::model::LoggingLevel;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event_key::EventKey;
use crate::time::Timestamp;

/// Something that happened. On the wire an object whose `type` says what it is; `timestamp` is RFC 3339, and filled in
/// when the event is published without one.
///
/// ```
/// use mcp_lambda_server::events::{GlobalEvent, ToolStatus};
/// use serde_json::json;
///
/// let event = GlobalEvent::tool_execution("resize", None, ToolStatus::InProgress { progress: Some(0.5) });
/// assert_eq!(
///     serde_json::to_value(event)?,
///     json!({ "type": "tool_execution", "tool_name": "resize", "status": { "in_progress": { "progress": 0.5 } } }),
/// );
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum GlobalEvent {
    /// How a part of the system is.
    SystemHealth {
        /// Which part.
        component: String,
        /// `healthy`, `degraded`, `unhealthy`, or a word of your own.
        status: String,
        /// Whatever helps.
        #[serde(default)]
        details: Value,
        /// When.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// How a tool is getting on. With a session it is told to that session alone.
    ToolExecution {
        /// Which tool.
        tool_name: String,
        /// Whose call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_id: Option<String>,
        /// How far.
        status: ToolStatus,
        /// What came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// When.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// What became of a session. It is told to that session alone.
    SessionUpdate {
        /// Which session.
        session_id: String,
        /// What.
        event_type: SessionChange,
        /// Whatever helps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
        /// When.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// What a monitor saw.
    MonitoringUpdate {
        /// Of what kind of resource: `EC2`, `RDS`, ...
        resource_type: String,
        /// Where.
        region: String,
        /// Which monitor run.
        correlation_id: String,
        /// What.
        data: Value,
        /// When.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// Something that somebody else said: a message of a topic, an event of a bus.
    ExternalEvent {
        /// Who.
        source: String,
        /// What kind of thing.
        event_type: String,
        /// What.
        payload: Value,
        /// When.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// A server starts or stops.
    ServerLifecycle {
        /// Which of the two.
        event: Lifecycle,
        /// Which server.
        instance_id: String,
        /// When.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
}

/// How far a tool is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolStatus {
    /// It has begun.
    Started,
    /// It works.
    InProgress {
        /// From 0 to 1, if it knows.
        #[serde(default)]
        progress: Option<f64>,
    },
    /// It is done.
    Completed,
    /// It gave up.
    Failed {
        /// Why.
        error: String,
    },
}

/// What can become of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionChange {
    /// It was opened.
    Created,
    /// Its client is ready.
    Initialized,
    /// Something in it changed.
    Updated,
    /// Its time is over.
    Expired,
    /// Its client has ended it.
    Deleted,
}

impl SessionChange {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Initialized => "initialized",
            Self::Updated => "updated",
            Self::Expired => "expired",
            Self::Deleted => "deleted",
        }
    }
}

/// Stations of a server's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lifecycle {
    /// It is being put together.
    Starting,
    /// It serves.
    Ready,
    /// It finishes what is open.
    Stopping,
    /// Something went wrong.
    Error {
        /// What.
        message: String,
    },
}

impl Lifecycle {
    fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Error { .. } => "error",
        }
    }
}

impl GlobalEvent {
    /// A part of the system is in a state.
    pub fn system_health(component: impl Into<String>, status: impl Into<String>, details: Value) -> Self {
        let (component, status) = (component.into(), status.into());
        Self::SystemHealth { component, status, details, timestamp: None }
    }

    /// A tool has got somewhere; in a session, for that session.
    pub fn tool_execution(tool: impl Into<String>, session: Option<&str>, status: ToolStatus) -> Self {
        let session_id = session.map(str::to_owned);
        Self::ToolExecution { tool_name: tool.into(), session_id, status, result: None, timestamp: None }
    }

    /// Something became of a session.
    pub fn session_update(
        session: impl Into<String>,
        event_type: SessionChange,
        data: Option<Value>,
    ) -> Self {
        Self::SessionUpdate { session_id: session.into(), event_type, data, timestamp: None }
    }

    /// A monitor saw something.
    pub fn monitoring_update(
        resource_type: impl Into<String>,
        region: impl Into<String>,
        correlation_id: impl Into<String>,
        data: Value,
    ) -> Self {
        let (resource_type, region) = (resource_type.into(), region.into());
        let correlation_id = correlation_id.into();
        Self::MonitoringUpdate { resource_type, region, correlation_id, data, timestamp: None }
    }

    /// Somebody else said something.
    pub fn external_event(source: impl Into<String>, event_type: impl Into<String>, payload: Value) -> Self {
        let (source, event_type) = (source.into(), event_type.into());
        Self::ExternalEvent { source, event_type, payload, timestamp: None }
    }

    /// A server has reached a station of its life.
    pub fn server_lifecycle(event: Lifecycle, instance_id: impl Into<String>) -> Self {
        Self::ServerLifecycle { event, instance_id: instance_id.into(), timestamp: None }
    }

    /// Its `type` on the wire.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::SystemHealth { .. } => "system_health",
            Self::ToolExecution { .. } => "tool_execution",
            Self::SessionUpdate { .. } => "session_update",
            Self::MonitoringUpdate { .. } => "monitoring_update",
            Self::ExternalEvent { .. } => "external_event",
            Self::ServerLifecycle { .. } => "server_lifecycle",
        }
    }

    /// Where it belongs: the source and type of somebody else's event, the name and subject of one of our own.
    #[must_use]
    pub fn key(&self) -> EventKey {
        let kind = match self {
            Self::SystemHealth { component, .. } => component,
            Self::ToolExecution { tool_name, .. } => tool_name,
            Self::SessionUpdate { event_type, .. } => event_type.name(),
            Self::MonitoringUpdate { resource_type, .. } => resource_type,
            Self::ExternalEvent { source, event_type, .. } => return EventKey::new(source, event_type),
            Self::ServerLifecycle { event, .. } => event.name(),
        };
        EventKey::new(self.type_name(), kind)
    }

    /// The one session it concerns, as it was named.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match self {
            Self::ToolExecution { session_id, .. } => session_id.as_deref(),
            Self::SessionUpdate { session_id, .. } => Some(session_id),
            _ => None,
        }
    }

    /// When it happened, if it says so.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::SystemHealth { timestamp, .. }
            | Self::ToolExecution { timestamp, .. }
            | Self::SessionUpdate { timestamp, .. }
            | Self::MonitoringUpdate { timestamp, .. }
            | Self::ExternalEvent { timestamp, .. }
            | Self::ServerLifecycle { timestamp, .. } => *timestamp,
        }
    }

    /// The same, having happened at `at` if it does not say when.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        match &mut self {
            Self::SystemHealth { timestamp, .. }
            | Self::ToolExecution { timestamp, .. }
            | Self::SessionUpdate { timestamp, .. }
            | Self::MonitoringUpdate { timestamp, .. }
            | Self::ExternalEvent { timestamp, .. }
            | Self::ServerLifecycle { timestamp, .. } => timestamp.get_or_insert(at),
        };
        self
    }

    /// How severe it is as a log message.
    #[must_use]
    pub fn level(&self) -> LoggingLevel {
        match self {
            Self::SystemHealth { status, .. } => match status.to_ascii_lowercase().as_str() {
                "degraded" | "warning" => LoggingLevel::Warning,
                "unhealthy" | "critical" | "error" | "down" => LoggingLevel::Error,
                _ => LoggingLevel::Info,
            },
            // A CloudWatch alarm that went off.
            Self::ExternalEvent { payload, .. } if payload["NewStateValue"] == "ALARM" => {
                LoggingLevel::Warning
            }
            Self::ToolExecution { status: ToolStatus::Failed { .. }, .. }
            | Self::ServerLifecycle { event: Lifecycle::Error { .. }, .. } => LoggingLevel::Error,
            Self::ToolExecution { .. }
            | Self::SessionUpdate { .. }
            | Self::MonitoringUpdate { .. }
            | Self::ExternalEvent { .. }
            | Self::ServerLifecycle { .. } => LoggingLevel::Info,
        }
    }
}

/// Times as people and other systems write them.
mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::time::Timestamp;

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&time.to_rfc3339()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let time = Timestamp::parse_rfc3339(&text);
        time.map(Some).ok_or_else(|| D::Error::custom(format!("{text:?} is no RFC 3339 time")))
    }
}
