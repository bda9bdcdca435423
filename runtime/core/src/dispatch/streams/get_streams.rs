//! The open GET streams of this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio_util::sync::CancellationToken;

use crate::ids::SessionId;

/// The sessions that have GET streams in this process, each with the token that ends them.
#[derive(Default)]
pub(super) struct GetStreams(Mutex<HashMap<SessionId, Weak<CancellationToken>>>);

impl GetStreams {
    /// Counts one more stream of a session, and returns the token that ends it. The session is forgotten with the last
    /// of them.
    pub(super) fn enter(&self, session: &SessionId) -> Arc<CancellationToken> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, token| token.strong_count() > 0);
        let known = open.get(session).and_then(Weak::upgrade).filter(|token| !token.is_cancelled());
        known.unwrap_or_else(|| {
            let token = Arc::new(CancellationToken::new());
            open.insert(session.clone(), Arc::downgrade(&token));
            token
        })
    }

    /// Ends the streams of a session that has ended.
    pub(super) fn end(&self, session: &SessionId) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = open.remove(session).and_then(|token| token.upgrade()) {
            token.cancel();
        }
    }
}
