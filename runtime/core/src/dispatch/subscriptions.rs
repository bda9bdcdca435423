//! The resources that a client subscribes to: with `resources/subscribe`, or in the filter of `subscriptions/listen`.

use crate::{
    exchange::{Exchange, ExchangeEvent},
    protocol::{Fault, JsonRpcResponse},
};

/// The longest URI of a subscription, in bytes.
const LONGEST_URI: usize = 2048;

/// Refuses a URI that is too long to be kept and compared with each event.
pub(super) fn check_length(path: &str, uri: &str) -> Result<(), Fault> {
    if uri.len() <= LONGEST_URI {
        return Ok(());
    }
    let text = format!("{path} has {} bytes: subscriptions take {LONGEST_URI}", uri.len());
    Err(Fault::invalid_params(text))
}

/// Refuses more URIs on one stream than a session may have, and URIs that are too long.
pub(super) fn check(uris: &[String], limit: usize) -> Result<(), Fault> {
    if uris.len() > limit {
        return Err(Fault::invalid_params(format!(
            "params.notifications.resourceSubscriptions names {} resources: a stream takes {limit} \
             (MCP_SUBSCRIPTIONS_PER_SESSION)",
            uris.len()
        )));
    }
    uris.iter().enumerate().try_for_each(|(at, uri)| {
        check_length(&format!("params.notifications.resourceSubscriptions[{at}]"), uri)
    })
}

/// Asks the handler, through its layers: it may refuse. `None`: it agrees, or does not know the method.
pub(super) async fn refusal_of(mut exchange: Exchange) -> Option<JsonRpcResponse> {
    loop {
        match exchange.next().await {
            ExchangeEvent::Response(JsonRpcResponse { code: None | Some(-32601), .. })
            | ExchangeEvent::Cancelled => return None,
            ExchangeEvent::Response(refused) => return Some(refused),
            ExchangeEvent::Message(_) | ExchangeEvent::Idle | ExchangeEvent::Disconnect => {}
        }
    }
}
