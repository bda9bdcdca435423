//! From a call to a reply: what rmcp must not do itself, and the handler for everything else.
//!
//! One file per family: [`stateless`] and [`session`] take POSTs of the two eras, [`initialize`] opens sessions,
//! [`listen`] and [`standalone`] are the streams that wait for events, [`event_resources`] is where events can be read,
//! [`resume`] replays a broken reply.
//! A [`conversation`] runs one request of the handler; [`outbound`] decides what becomes of each thing it
//! says, [`outcome`] of its answer.

mod app;
mod call;
mod conversation;
mod event_resources;
mod initialize;
mod listen;
mod outbound;
mod outcome;
mod permission;
mod reply;
mod resume;
mod seal;
mod session;
mod standalone;
mod stateless;
mod writer;

use std::sync::Arc;

pub(crate) use app::App;
pub(crate) use reply::{Accepts, Answer, Caller, Final, Reply};
pub(crate) use seal::Seal;
pub(crate) use standalone::Listeners;

use crate::{
    protocol::{Call, Era, Fault},
    stream::EventId,
};

/// Answers a POST.
pub(crate) async fn post(app: &Arc<App>, caller: &Caller, call: Call) -> Reply {
    match call {
        Call::Stateless(request) => stateless::request(app, caller, request).await,
        Call::StatelessNotification => Reply::Accepted,
        Call::Session(post) => session::post(app, caller, post).await,
    }
}

/// Answers a GET: a stream of the session era, fresh or resumed.
pub(crate) async fn get(app: &Arc<App>, caller: &Caller, session: &str, last_event: Option<&str>) -> Reply {
    let reply = match last_event.map(|text| (text, text.parse::<EventId>())) {
        None => standalone::open(app, caller, session, None).await,
        Some((_, Ok(EventId::Log(cursor)))) => standalone::open(app, caller, session, Some(cursor)).await,
        Some((_, Ok(EventId::Reply { stream, seq }))) => {
            resume::open(app, caller, session, stream, seq).await
        }
        Some((text, Err(_))) => {
            let found = session::find(app, caller, session).await;
            found.and_then(|_| Err(Fault::UnknownEvent(text.to_owned())))
        }
    };
    reply.unwrap_or_else(|fault| Reply::refuse(Era::Session, None, fault))
}

/// Answers a DELETE: the session ends, on every environment.
pub(crate) async fn delete(app: &Arc<App>, caller: &Caller, session: &str) -> Reply {
    match session::end(app, caller, session).await {
        Ok(()) => Reply::Ended,
        Err(fault) => Reply::refuse(Era::Session, None, fault),
    }
}
