//! The methods of MCP, each with what the server has to know about it before a handler sees it.
//!
//! <https://modelcontextprotocol.io/specification/2026-07-28/schema>,
//! <https://modelcontextprotocol.io/specification/2025-11-25/schema> (read 2026-11-20).

use std::fmt;

use rmcp::model::ServerCapabilities;

use super::version::Era;

macro_rules! methods {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// The method of a request.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is the method of the same name")]
        pub enum Method {
            $($variant,)*
            /// A method that MCP does not define: the handler may.
            Other(Box<str>),
        }

        impl From<String> for Method {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($name => Self::$variant,)*
                    _ => Self::Other(name.into()),
                }
            }
        }

        impl Method {
            /// The name of the method, as requests carry it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

methods! {
    Initialize = "initialize",
    Ping = "ping",
    Discover = "server/discover",
    Complete = "completion/complete",
    SetLogLevel = "logging/setLevel",
    GetPrompt = "prompts/get",
    ListPrompts = "prompts/list",
    ListResources = "resources/list",
    ListResourceTemplates = "resources/templates/list",
    ReadResource = "resources/read",
    ReadResourceDirectory = "resources/directory/read",
    SubscribeResource = "resources/subscribe",
    UnsubscribeResource = "resources/unsubscribe",
    CallTool = "tools/call",
    ListTools = "tools/list",
    Listen = "subscriptions/listen",
    GetTask = "tasks/get",
    UpdateTask = "tasks/update",
    CancelTask = "tasks/cancel",
    TaskResult = "tasks/result",
    ListTasks = "tasks/list",
    ListSkills = "skills/list",
    GetSkill = "skills/get",
}

/// A capability of the server without which a method does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// `completions`.
    Completions,
    /// `logging`.
    Logging,
    /// `prompts`.
    Prompts,
    /// `resources`.
    Resources,
    /// `resources.subscribe`.
    ResourceSubscriptions,
    /// The tasks extension.
    Tasks,
    /// `tools`.
    Tools,
}

impl Capability {
    /// Whether the server declares the capability.
    #[must_use]
    pub fn is_in(self, declared: &ServerCapabilities) -> bool {
        match self {
            Self::Completions => declared.completions.is_some(),
            Self::Logging => declared.logging.is_some(),
            Self::Prompts => declared.prompts.is_some(),
            Self::Resources => declared.resources.is_some(),
            Self::ResourceSubscriptions => {
                declared.resources.as_ref().is_some_and(|resources| resources.subscribe == Some(true))
            }
            Self::Tasks => declared.supports_tasks(),
            Self::Tools => declared.tools.is_some(),
        }
    }
}

impl Method {
    /// Whether the method exists in the revisions of an era.
    #[must_use]
    pub fn exists_in(&self, era: Era) -> bool {
        match self {
            Self::Initialize
            | Self::Ping
            | Self::SetLogLevel
            | Self::SubscribeResource
            | Self::UnsubscribeResource
            | Self::TaskResult
            | Self::ListTasks => era == Era::Session,
            Self::Discover | Self::Listen => era == Era::Stateless,
            Self::Complete
            | Self::GetPrompt
            | Self::ListPrompts
            | Self::ListResources
            | Self::ListResourceTemplates
            | Self::ReadResource
            | Self::ReadResourceDirectory
            | Self::CallTool
            | Self::ListTools
            | Self::GetTask
            | Self::UpdateTask
            | Self::CancelTask
            | Self::ListSkills
            | Self::GetSkill
            | Self::Other(_) => true,
        }
    }

    /// The capability without which the method does not exist.
    #[must_use]
    pub fn capability(&self) -> Option<Capability> {
        match self {
            Self::Complete => Some(Capability::Completions),
            Self::SetLogLevel => Some(Capability::Logging),
            Self::GetPrompt | Self::ListPrompts => Some(Capability::Prompts),
            Self::ListResources
            | Self::ListResourceTemplates
            | Self::ReadResource
            | Self::ReadResourceDirectory => Some(Capability::Resources),
            Self::SubscribeResource | Self::UnsubscribeResource => Some(Capability::ResourceSubscriptions),
            Self::CallTool | Self::ListTools => Some(Capability::Tools),
            Self::GetTask | Self::UpdateTask | Self::CancelTask | Self::TaskResult | Self::ListTasks => {
                Some(Capability::Tasks)
            }
            Self::Initialize
            | Self::Ping
            | Self::Discover
            | Self::Listen
            | Self::ListSkills
            | Self::GetSkill => None,
            Self::Other(name) => match name.split_once('/') {
                Some(("tools", _)) => Some(Capability::Tools),
                Some(("prompts", _)) => Some(Capability::Prompts),
                Some(("resources", _)) => Some(Capability::Resources),
                _ => None,
            },
        }
    }

    /// The parameter that the `Mcp-Name` header mirrors, for the methods that have one.
    #[must_use]
    pub fn mirrored_parameter(&self) -> Option<&'static str> {
        match self {
            Self::CallTool | Self::GetPrompt => Some("name"),
            Self::ReadResource => Some("uri"),
            Self::GetTask | Self::UpdateTask | Self::CancelTask => Some("taskId"),
            _ => None,
        }
    }

    /// Whether the response to the method may be an `InputRequiredResult`.
    #[must_use]
    pub fn may_request_input(&self) -> bool {
        matches!(self, Self::CallTool | Self::GetPrompt | Self::ReadResource)
    }

    /// Whether the parameters of the method hold a cursor.
    #[must_use]
    pub fn is_paginated(&self) -> bool {
        matches!(
            self,
            Self::ListTools
                | Self::ListPrompts
                | Self::ListResources
                | Self::ListResourceTemplates
                | Self::ListSkills
        )
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<&str> for Method {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}
