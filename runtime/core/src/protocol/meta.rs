//! The names that MCP reserves: keys of `_meta` and methods of notifications.

use serde::Deserialize;
use serde_json::value::RawValue;

/// `_meta` key of a request: the revision it is written in.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// `_meta` key of a request: the capabilities of its client.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// `_meta` key of a request: the name and version of its client.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// `_meta` key of a request: the least severe log message that its client wants.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// `_meta` key of a result: the name and version of the server.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// `_meta` key of every message on a listen stream: the id of its `subscriptions/listen` request.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// The reserved keys of a request's `_meta`, as raw JSON.
#[derive(Deserialize)]
pub(super) struct RawRequestMeta<'a> {
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion")]
    pub(super) version: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientCapabilities")]
    pub(super) capabilities: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/logLevel")]
    pub(super) log_level: Option<&'a RawValue>,
}

/// Methods of notifications.
pub mod notification {
    /// The client has cancelled a request.
    pub const CANCELLED: &str = "notifications/cancelled";
    /// A log message.
    pub const MESSAGE: &str = "notifications/message";
    /// How far a request is.
    pub const PROGRESS: &str = "notifications/progress";
    /// `prompts/list` would return another list.
    pub const PROMPTS_LIST_CHANGED: &str = "notifications/prompts/list_changed";
    /// `resources/list` would return another list.
    pub const RESOURCES_LIST_CHANGED: &str = "notifications/resources/list_changed";
    /// A resource has new contents.
    pub const RESOURCE_UPDATED: &str = "notifications/resources/updated";
    /// The first message of a listen stream: the subset of the subscription that the server honours.
    pub const SUBSCRIPTIONS_ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
    /// A task has changed.
    pub const TASKS: &str = "notifications/tasks";
    /// `tools/list` would return another list.
    pub const TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
}
