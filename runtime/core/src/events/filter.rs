//! Which events a listener wants.

use super::global::GlobalEvent;
use crate::{auth::Principal, session::SessionId};

/// Which events a listener wants: all that are not ruled out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Names an event must have one of: its `type` (`external_event`), or the last part of its resource
    /// (`state_change`). Empty takes any.
    pub event_types: Vec<String>,
    /// Hears what is meant for this session too. Without one only what is meant for everybody.
    pub session_id: Option<SessionId>,
    /// Hears what is meant for this caller too.
    pub principal: Option<Principal>,
    /// The source an event must have: a whole one (`aws.ec2`), or the start of one and `*` (`aws.*`).
    pub source_filter: Option<String>,
}

impl EventFilter {
    /// Whether an event passes.
    #[must_use]
    pub fn takes(&self, event: &GlobalEvent) -> bool {
        let key = event.key();
        let is_named = |name: &String| name == event.type_name() || name == key.kind();
        (self.event_types.is_empty() || self.event_types.iter().any(is_named))
            && self.source_filter.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(start) => key.source().starts_with(start),
                None => key.source() == wanted,
            })
    }

    /// Reads `event_types=a,b&source_filter=c` from the query of a URL. Other parameters are not ours.
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
