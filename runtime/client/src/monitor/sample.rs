//! What one check of an endpoint found.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

/// A change of the list of tools between two checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "change", content = "tool")]
pub enum Change {
    /// The tool is new.
    Added(String),
    /// The tool is gone.
    Removed(String),
    /// The tool has another schema, description, or other field.
    Changed(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(tool) => write!(f, "+{tool}"),
            Self::Removed(tool) => write!(f, "-{tool}"),
            Self::Changed(tool) => write!(f, "~{tool}"),
        }
    }
}

/// What one check of an endpoint found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Why the endpoint is down. `None`: it answered, and its tools can be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How long `server/discover`, or `ping` of a server that has only sessions, took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// How many tools the server lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<usize>,
    /// How the list of tools differs from that of the check before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// How long an event took from its publisher to a subscription, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_lag_ms: Option<f64>,
    /// Why the event lag could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_failure: Option<String>,
    /// How many tasks of the caller have each status.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, u64>,
    /// When the access token or the certificate of the server ends, whichever is first, in seconds from the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<f64>,
}

impl Sample {
    /// A sample of an endpoint that is down.
    pub(super) fn down(why: impl Into<String>) -> Self {
        Self { failure: Some(why.into()), ..Self::default() }
    }
}
