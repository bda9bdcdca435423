//! The loop over the messages of the client.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    exchange, fault, listener,
    message::{Id, Message},
    post,
    shared::{Running, Shared},
};

/// Time limit of the request that ends the session.
pub(super) const DELETE: Duration = Duration::from_secs(2);

/// Serves the connection until the client has sent its last message, or reads no more.
pub(super) async fn run(shared: Arc<Shared>, mut accepted: mpsc::Receiver<Bytes>) {
    let mut exchanges = JoinSet::new();
    let mut listener = JoinSet::new();
    listener.spawn(listener::run(Arc::clone(&shared)));
    loop {
        tokio::select! {
            message = accepted.recv() => match message {
                Some(raw) => accept(&shared, &mut exchanges, raw).await,
                None => break,
            },
            Some(_) = exchanges.join_next() => {}
            () = shared.closing.cancelled() => break,
        }
    }
    shared.end_streams();
    finish(&shared, exchanges).await;
    listener.shutdown().await;
    end_session(&shared).await;
}

/// Lets requests end. Those that have not ended in time are closed.
async fn finish(shared: &Shared, mut exchanges: JoinSet<()>) {
    let rest = async { while exchanges.join_next().await.is_some() {} };
    tokio::select! {
        _ = tokio::time::timeout(shared.limits.finish, rest) => {}
        () = shared.closing.cancelled() => {}
    }
    exchanges.shutdown().await;
}

async fn end_session(shared: &Shared) {
    if shared.session().is_kept() {
        return;
    }
    match tokio::time::timeout(DELETE, post::delete(shared)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the session was not ended"),
        Err(_) => tracing::debug!("the session was not ended in time"),
    }
}

async fn accept(shared: &Arc<Shared>, exchanges: &mut JoinSet<()>, raw: Bytes) {
    if raw.iter().all(u8::is_ascii_whitespace) {
        return;
    }
    let message = match Message::read(raw) {
        Ok(message) => message,
        Err(malformed) => return shared.deliver(fault::malformed(malformed)).await,
    };
    match (message.method.as_str(), message.id().cloned()) {
        // What follows belongs to the session that these open.
        ("initialize", Some(_)) | ("notifications/initialized", None) => {
            exchange::run_in_order(shared, &message).await;
        }
        ("notifications/cancelled", None) => cancelled(shared, exchanges, message),
        (_, Some(id)) => request(shared, exchanges, message, id).await,
        (_, None) => {
            let shared = Arc::clone(shared);
            exchanges.spawn(async move { exchange::run(&shared, &message).await });
        }
    }
}

async fn request(shared: &Arc<Shared>, exchanges: &mut JoinSet<()>, message: Message, id: Id) {
    let cancel = CancellationToken::new();
    let limit = shared.limits.requests;
    let refused = {
        let mut running = shared.running();
        let full = running.len() >= limit;
        if !full {
            let is_of_session = message.is_of_session();
            let is_stream = message.method == "subscriptions/listen";
            running.insert(id.clone(), Running { cancel: cancel.clone(), is_of_session, is_stream });
        }
        full
    };
    if refused {
        return shared.deliver(fault::too_many(&id, limit)).await;
    }
    if message.is_of_session() {
        shared.session().note(&message);
    }
    let shared = Arc::clone(shared);
    exchanges.spawn(async move {
        cancel.run_until_cancelled(exchange::run(&shared, &message)).await;
        shared.running().remove(&id);
    });
}

/// A request of 2026-07-28 is cancelled by closing its response; one of a session by the notification, after which its response
/// may still come.
fn cancelled(shared: &Arc<Shared>, exchanges: &mut JoinSet<()>, message: Message) {
    let is_of_session = match message.cancelled().and_then(|id| {
        shared.running().get(&id).map(|running| (running.cancel.clone(), running.is_of_session))
    }) {
        Some((cancel, false)) => return cancel.cancel(),
        Some((_, true)) => true,
        None => shared.session().is_open(),
    };
    if is_of_session {
        let shared = Arc::clone(shared);
        exchanges.spawn(async move { exchange::run(&shared, &message).await });
    }
}
