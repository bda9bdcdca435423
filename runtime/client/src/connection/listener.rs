//! The GET stream of a session: messages of the server that belong to no request.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use tokio::time::Instant;

use super::{post, renewal, response, shared::Shared, sse::Events};
use crate::Error;

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// A stream that lived this long was no failure.
const LIVELY: Duration = Duration::from_secs(10);

/// Keeps the stream of the newest session open.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ready = shared.ready.subscribe();
    loop {
        let generation = *ready.borrow_and_update();
        if generation > 0 {
            listen(&shared, generation).await;
        }
        if ready.changed().await.is_err() {
            return;
        }
    }
}

/// Why a stream has ended.
enum End {
    /// The server has no stream, or this one is over for good.
    Final,
    /// The session is forgotten.
    Forgotten,
    /// Another try, after the pause that the server asks for.
    Again(Option<Duration>),
}

async fn listen(shared: &Shared, generation: u64) {
    let mut last_event = None;
    let mut pause = SHORTEST;
    while shared.session().generation() == generation {
        let begun = Instant::now();
        let wanted = match once(shared, &mut last_event).await {
            Ok(End::Final) => return,
            Ok(End::Forgotten) => {
                // A later request opens the session again, if this fails.
                if let Err(error) = renewal::renew(shared, generation).await {
                    tracing::warn!(%error, "the session could not be opened again");
                }
                return;
            }
            Ok(End::Again(wanted)) => wanted,
            Err(error) if error.is_of_the_network() => None,
            Err(error) => {
                tracing::warn!(%error, "the GET stream has ended");
                return;
            }
        };
        if begun.elapsed() > LIVELY {
            pause = SHORTEST;
        }
        tokio::time::sleep(pause.max(wanted.unwrap_or_default()).min(LONGEST)).await;
        pause = (pause * 2).min(LONGEST);
    }
}

async fn once(shared: &Shared, last_event: &mut Option<String>) -> Result<End, Error> {
    let opened = post::get(shared, last_event.as_deref()).await?;
    match opened.status() {
        StatusCode::NOT_FOUND if shared.session().has_id() => return Ok(End::Forgotten),
        // The stream with that event is over; there may be another one.
        status if !status.is_success() && last_event.is_some() => {
            *last_event = None;
            return Ok(End::Again(None));
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Ok(End::Again(None));
        }
        _ if !response::is_event_stream(&opened) => return Ok(End::Final),
        _ => {}
    }
    let mut events = Events::new(opened.into_body(), shared.limits.message_bytes);
    let mut wanted = None;
    while let Some(event) = events.next().await? {
        if event.id.is_some() {
            *last_event = event.id;
        }
        wanted = event.retry.or(wanted);
        if !event.data.is_empty() {
            shared.deliver(Bytes::from(event.data)).await;
        }
    }
    Ok(End::Again(wanted))
}
