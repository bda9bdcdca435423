//! From a call to a reply: which method it is, in which era, and what runs.
//!
//! * [`Dispatcher`]: the entry point. [`stateless`] and [`session`] serve the POSTs of the two eras.
//! * [`sessionless`]: POSTs of the session era that have no session.
//! * [`initialize`]: opens sessions. [`platform`]: sessions with ids of a platform. [`session_reply`]: the reply to a POST of a session.
//! * [`params`]: a request in rmcp's type. [`extensions`]: what tools find in their context.
//! * [`subscriptions`]: the resources that a client subscribes to, in either era.
//! * [`streams`]: the streams that wait for events, and the replay of a reply that broke off.

mod caller;
mod extensions;
mod initialize;
mod params;
mod platform;
mod reply;
mod session;
mod session_reply;
mod sessionless;
mod stateless;
mod streams;
mod subscriptions;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

pub(crate) use self::{
    caller::{Accepts, Caller},
    extensions::ToolServices,
    params::typed as typed_params,
    reply::{JsonReply, Reply},
    stateless::peer_info as stateless_peer_info,
    streams::{StreamParts, Streams},
};
use crate::{
    config::SessionMode,
    exchange::Exchanges,
    handler::capabilities::DeclaredCapabilities,
    protocol::{Call, Era, Fault, Post, SessionDelete, SessionGet},
    session::{Inbox, Sessions},
    stream::EventId,
};

/// Serves calls. It knows no HTTP but the head of a request, which tools may read.
pub(crate) struct Dispatcher {
    pub(crate) capabilities: DeclaredCapabilities,
    pub(crate) exchanges: Arc<Exchanges>,
    pub(crate) services: Arc<ToolServices>,
    pub(crate) sessions: Sessions,
    pub(crate) session_mode: SessionMode,
    /// The number of subscriptions that a session may have.
    pub(crate) subscription_limit: usize,
    pub(crate) inbox: Inbox,
    pub(crate) streams: Arc<Streams>,
    /// Owns the tasks of session-era replies.
    pub(crate) tracker: TaskTracker,
}

impl Dispatcher {
    /// Serves one call.
    pub(crate) async fn serve(&self, caller: &Caller, call: Call) -> Reply {
        match call {
            Call::Post(Post::Stateless(request)) => self.stateless(caller, request).await,
            Call::Post(Post::StatelessNotification) => Reply::Accepted,
            Call::Post(Post::Session(post)) => self.session_post(caller, post).await,
            Call::Get(get) => match self.opened_for_get(caller, get).await {
                Ok(get) => self.get(caller, get).await,
                Err(fault) => Reply::error(Era::Session, None, fault),
            },
            Call::Delete(delete) => self.delete(caller, delete).await,
        }
    }

    /// Serves a GET of the session era: a new stream of events, one that goes on, or the rest of a reply.
    async fn get(&self, caller: &Caller, get: SessionGet) -> Reply {
        let SessionGet { session, last_event_id } = get;
        let reply = match last_event_id.as_deref().map(|text| (text, text.parse::<EventId>())) {
            None => self.streams.open_get(caller, &session, None).await,
            Some((_, Ok(EventId::Log { session: tag, cursor }))) => {
                self.streams.open_get(caller, &session, Some((tag, cursor))).await
            }
            Some((_, Ok(EventId::Reply { stream, seq }))) => {
                self.streams.open_replay(caller, &session, stream, seq).await
            }
            // Behind the end of a reply there is nothing.
            Some((text, Ok(EventId::ReplyEnd { .. }) | Err(_))) => {
                let found = self.sessions.find(&session, &caller.principal).await;
                found.and_then(|_| Err(Fault::UnknownEvent(text.to_owned())))
            }
        };
        reply.unwrap_or_else(|fault| Reply::error(Era::Session, None, fault))
    }

    /// Serves a DELETE: the session ends, on every environment.
    async fn delete(&self, caller: &Caller, delete: SessionDelete) -> Reply {
        let ended = match delete.session {
            Some(session) => self.sessions.end(&self.own_id(caller, &session).await, &caller.principal).await,
            None => Err(Fault::SessionRequired),
        };
        match ended {
            // The platform may know sessions of which this server has heard nothing.
            Err(Fault::SessionNotFound) if self.session_mode == SessionMode::Platform => Reply::NoContent,
            Ok(session) => {
                self.streams.end_of(&session);
                self.stop_calls(&session).await;
                Reply::NoContent
            }
            Err(fault) => Reply::error(Era::Session, None, fault),
        }
    }
}
