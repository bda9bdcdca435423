//! What tools find in `RequestContext::extensions`.

use std::{sync::Arc, time::Duration};

use rmcp::model::Extensions;

use super::Caller;
use crate::{
    auth::Principal,
    events::Events,
    metrics::Metrics,
    session::{Handles, Session, SessionRecord, SessionStore, StateStore},
    stream::ReplyStream,
    time::Clock,
    tools::Tools,
    upstream_token::UpstreamTokenSource,
};

/// The parts of the server that tools use.
pub(crate) struct ToolServices {
    pub(crate) events: Events,
    pub(crate) tools: Option<Tools>,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "tools find none"))]
    pub(crate) metrics: Metrics,
    /// The tokens of callers at the provider where they have signed in, if the server keeps them.
    pub(crate) upstream_tokens: Option<Arc<dyn UpstreamTokenSource>>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) state: Arc<dyn StateStore>,
    pub(crate) clock: Clock,
    /// How long a handle's state lives after its last write.
    pub(crate) state_ttl: Duration,
}

impl ToolServices {
    /// Collects the extensions of one request.
    pub(super) fn extensions(&self, caller: &Caller, session: Option<&Arc<SessionRecord>>) -> Extensions {
        let mut extensions = self.of_principal(&caller.principal);
        extensions.insert(caller.parts.clone());
        extensions.insert(caller.ingress.deadline);
        if let Some(record) = session {
            extensions.insert(Session::new(
                Arc::clone(record),
                Arc::clone(&self.sessions),
                Arc::clone(&self.state),
                self.clock.clone(),
                self.state_ttl,
            ));
            extensions.insert(ReplyStream::default());
        }
        extensions
    }

    /// Collects what a call finds that comes over no HTTP.
    pub(crate) fn of_principal(&self, principal: &Principal) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(principal.clone());
        extensions.insert(self.events.clone());
        if let Some(tools) = &self.tools {
            extensions.insert(tools.clone());
        }
        if let Some(source) = &self.upstream_tokens {
            extensions.insert(Arc::clone(source));
        }
        #[cfg(feature = "metrics")]
        extensions.insert(self.metrics.clone());
        let (state, clock) = (Arc::clone(&self.state), self.clock.clone());
        extensions.insert(Handles::new(principal.clone(), state, clock, self.state_ttl));
        extensions
    }
}
