//! Global events: a vocabulary that servers of one deployment share.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use rmcp::model::LoggingLevel;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event_key::EventKey;
use crate::time::Timestamp;

/// An event of a deployment or of a system around it.
///
/// Its JSON form is an object with a `type`. `timestamp` is RFC 3339; an event that is published without one gets the
/// time at which it is published.
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
    /// The health of a component.
    SystemHealth {
        /// Name of the component.
        component: String,
        /// `healthy`, `degraded`, `unhealthy`, or a word of your own.
        status: String,
        /// Details in any form.
        #[serde(default)]
        details: Value,
        /// When the status was determined.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// The progress of a tool. With a session id, only that session receives it.
    ToolExecution {
        /// Name of the tool.
        tool_name: String,
        /// Session of the call that runs the tool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_id: Option<String>,
        /// Progress of the tool.
        status: ToolStatus,
        /// Result of the tool, if it has one to share.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// When the status was reached.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// A change of a session. Only that session receives it.
    SessionUpdate {
        /// Id of the session.
        session_id: String,
        /// The change.
        event_type: SessionChange,
        /// Details in any form.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
        /// When the session changed.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// An observation of a monitor.
    MonitoringUpdate {
        /// Type of the observed resource: `EC2`, `RDS`, ...
        resource_type: String,
        /// AWS region, or another location.
        region: String,
        /// Id of the monitoring run.
        correlation_id: String,
        /// The observation, in any form.
        data: Value,
        /// When the observation was made.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// An event of another system: a message of a topic, or an event of a bus.
    ExternalEvent {
        /// System that sent the event.
        source: String,
        /// Type of the event, in the words of that system.
        event_type: String,
        /// Content of the event, in any form.
        payload: Value,
        /// When the event happened.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
    /// A server starts, runs or stops.
    ServerLifecycle {
        /// Phase that the server has reached.
        event: Lifecycle,
        /// Id of the server.
        instance_id: String,
        /// When the phase was reached.
        #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
        timestamp: Option<Timestamp>,
    },
}

/// The progress of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolStatus {
    /// The tool has started.
    Started,
    /// The tool is running.
    InProgress {
        /// Completed share, from 0 to 1, if known.
        #[serde(default)]
        progress: Option<f64>,
    },
    /// The tool has completed.
    Completed,
    /// The tool has failed.
    Failed {
        /// Text of the error.
        error: String,
    },
}

impl From<&str> for ToolStatus {
    /// The status with this name: `started`, `in_progress` or `completed`. Any other text is that of an error.
    fn from(text: &str) -> Self {
        match text {
            "started" => Self::Started,
            "in_progress" => Self::InProgress { progress: None },
            "completed" => Self::Completed,
            error => Self::Failed { error: error.to_owned() },
        }
    }
}

/// A change of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionChange {
    /// The session was created.
    Created,
    /// The client has sent `notifications/initialized`.
    Initialized,
    /// The data of the session has changed.
    Updated,
    /// The session has expired.
    Expired,
    /// The client has ended the session.
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

/// A phase of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lifecycle {
    /// The server is starting.
    Starting,
    /// The server serves requests.
    Ready,
    /// The server finishes open requests and stops.
    Stopping,
    /// The server has failed.
    Error {
        /// Text of the error.
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
    /// Creates a [`GlobalEvent::SystemHealth`].
    pub fn system_health(component: impl Into<String>, status: impl Into<String>, details: Value) -> Self {
        let (component, status) = (component.into(), status.into());
        Self::SystemHealth { component, status, details, timestamp: None }
    }

    /// Creates a [`GlobalEvent::ToolExecution`], for one session if an id is given.
    pub fn tool_execution(tool: impl Into<String>, session: Option<&str>, status: ToolStatus) -> Self {
        let session_id = session.map(str::to_owned);
        Self::ToolExecution { tool_name: tool.into(), session_id, status, result: None, timestamp: None }
    }

    /// Creates a [`GlobalEvent::SessionUpdate`].
    pub fn session_update(
        session: impl Into<String>,
        event_type: SessionChange,
        data: Option<Value>,
    ) -> Self {
        Self::SessionUpdate { session_id: session.into(), event_type, data, timestamp: None }
    }

    /// Creates a [`GlobalEvent::MonitoringUpdate`].
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

    /// Creates a [`GlobalEvent::ExternalEvent`].
    pub fn external_event(source: impl Into<String>, event_type: impl Into<String>, payload: Value) -> Self {
        let (source, event_type) = (source.into(), event_type.into());
        Self::ExternalEvent { source, event_type, payload, timestamp: None }
    }

    /// Creates a [`GlobalEvent::ServerLifecycle`].
    pub fn server_lifecycle(event: Lifecycle, instance_id: impl Into<String>) -> Self {
        Self::ServerLifecycle { event, instance_id: instance_id.into(), timestamp: None }
    }

    /// Returns the `type` of the JSON form.
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

    /// Returns the key of the event: the source and type of an external event, else the `type` and the subject (component,
    /// tool, change, resource type or phase).
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

    /// Returns the id of the only session that receives the event, as it was given. `None`: every session receives it.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match self {
            Self::ToolExecution { session_id, .. } => session_id.as_deref(),
            Self::SessionUpdate { session_id, .. } => Some(session_id),
            _ => None,
        }
    }

    /// Returns when the event happened, if it is set.
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

    /// Sets when the event happened, unless it is set.
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

    /// Returns the severity of the event as a log message.
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

/// Timestamps as RFC 3339 text.
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
        time.map(Some).ok_or_else(|| D::Error::custom(format!("{text:?} is not an RFC 3339 timestamp")))
    }
}
