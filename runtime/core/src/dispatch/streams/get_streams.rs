//! The open GET streams of this process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::ids::SessionId;

/// The GET streams of this process. The newest stream of a session replaces its last one, so that each message goes to
/// exactly one stream of a client.
#[derive(Default)]
pub(super) struct GetStreams(Mutex<HashMap<SessionId, CancellationToken>>);

impl GetStreams {
    /// Ends the open stream of a session, and returns the token that ends the new one.
    pub(super) fn replace(&self, session: &SessionId) -> CancellationToken {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, stream| !stream.is_cancelled());
        let own = CancellationToken::new();
        if let Some(last) = open.insert(session.clone(), own.clone()) {
            last.cancel();
        }
        own
    }

    /// Ends the stream of a session that has ended.
    pub(super) fn end(&self, session: &SessionId) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = open.remove(session) {
            last.cancel();
        }
    }
}
