//! The filter of a subscription.

use super::global::GlobalEvent;
use crate::{auth::Principal, ids::SessionId};

/// Selects the global events that a [`Subscriber`](super::Subscriber) receives. The default selects every event of the
/// global scope.
///
/// ```
/// use mcp_lambda_server::events::{EventFilter, GlobalEvent};
/// use serde_json::json;
///
/// let filter = EventFilter::default().event_types(["state_change"]).source("aws.*");
/// assert!(filter.matches(&GlobalEvent::external_event("aws.ec2", "state_change", json!({}))));
/// assert!(!filter.matches(&GlobalEvent::external_event("shop", "state_change", json!({}))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EventFilter {
    /// Accepted event types: the `type` of the event (`external_event`) or the type in its key (`state_change`). Default:
    /// empty, which accepts every type.
    pub event_types: Vec<String>,
    /// Session that events are received of besides the global ones. Default: none.
    pub session_id: Option<SessionId>,
    /// Principal that events are received of besides the global ones. Default: none.
    pub principal: Option<Principal>,
    /// Accepted source: a whole one (`aws.ec2`), or a prefix and `*` (`aws.*`). Default: every source.
    pub source_filter: Option<String>,
}

impl EventFilter {
    /// Sets the accepted event types: the `type` of an event (`external_event`) or the type in its key (`state_change`).
    #[must_use]
    pub fn event_types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.event_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Receives the events of a session too.
    #[must_use]
    pub fn session(mut self, id: SessionId) -> Self {
        self.session_id = Some(id);
        self
    }

    /// Receives the events of a principal too.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Sets the accepted source: a whole one (`aws.ec2`), or a prefix and `*` (`aws.*`).
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source_filter = Some(source.into());
        self
    }

    /// Whether the type and the source of an event are accepted.
    #[must_use]
    pub fn matches(&self, event: &GlobalEvent) -> bool {
        let key = event.key();
        let is_named = |name: &String| name == event.type_name() || name == key.kind();
        (self.event_types.is_empty() || self.event_types.iter().any(is_named))
            && self.source_filter.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(prefix) => key.source().starts_with(prefix),
                None => key.source() == wanted,
            })
    }

    /// Parses `event_types=a,b&source_filter=c` from the query of a URL. Other parameters are ignored.
    pub(crate) fn of_query(query: Option<&str>) -> Self {
        let mut filter = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            match name {
                "event_types" => filter.event_types.extend(
                    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned),
                ),
                "source_filter" if !value.is_empty() => filter.source_filter = Some(value.into_owned()),
                _ => {}
            }
        }
        filter
    }
}
