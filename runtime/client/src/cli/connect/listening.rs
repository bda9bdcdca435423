//! Listen streams that are open, and the subscriptions of a session.
#![expect(deprecated, reason = "sessions of 2025-11-25 have subscriptions")]

use std::collections::HashMap;

use rmcp::{
    RoleClient,
    model::{
        SubscribeRequestParams, SubscriptionFilter, SubscriptionsAcknowledgedNotificationParams,
        UnsubscribeRequestParams,
    },
    service::{Peer, ServiceError, Subscription, SubscriptionEnd},
};
use serde_json::json;
use tokio::task::{AbortHandle, JoinSet};

use super::talk::{Talk, event};
use crate::cli::failure::Failure;

/// The most streams that are open at the same time.
const STREAMS: usize = 32;

/// The streams that are open. They end with it.
#[derive(Debug, Default)]
pub(super) struct Listening {
    streams: JoinSet<()>,
    /// The stream of each name: a URI, or `listen`.
    of: HashMap<String, AbortHandle>,
}

impl Listening {
    /// Opens a listen stream of 2026-07-28 in place of one with the same name, and returns what the server acknowledges.
    pub(super) async fn open(
        &mut self,
        name: &str,
        filter: SubscriptionFilter,
        peer: &Peer<RoleClient>,
        talk: &Talk,
    ) -> Result<String, Failure> {
        while self.streams.try_join_next().is_some() {}
        if self.streams.len() >= STREAMS {
            return Err(Failure::refused(format!(
                "{STREAMS} streams are open, which is the limit: end one first"
            )));
        }
        let subscription = peer.listen(filter).await?;
        let acknowledged = acknowledged(&subscription);
        self.close(name);
        let talk = talk.clone();
        let handle = self.streams.spawn(follow(subscription, talk, name.to_owned()));
        self.of.insert(name.to_owned(), handle);
        Ok(acknowledged)
    }

    /// Ends a stream. Returns whether there was one.
    pub(super) fn close(&mut self, name: &str) -> bool {
        self.of.remove(name).map(|handle| handle.abort()).is_some()
    }

    /// Ends all streams, and returns how many there were.
    pub(super) fn close_all(&mut self) -> usize {
        self.of.drain().map(|(_, handle)| handle.abort()).count()
    }
}

fn acknowledged(subscription: &Subscription) -> String {
    let filter = SubscriptionsAcknowledgedNotificationParams::new(subscription.acknowledged().clone());
    json!(filter)["notifications"].to_string()
}

/// Shows what a stream brings until it ends.
async fn follow(mut subscription: Subscription, talk: Talk, name: String) {
    loop {
        match subscription.next().await {
            Ok(Some(notification)) => event(&talk, notification),
            Ok(None) => {
                let how = match subscription.end() {
                    Some(SubscriptionEnd::Graceful(_)) => "the server has ended it",
                    Some(SubscriptionEnd::Cancelled) => "it was cancelled",
                    _ => "the connection broke",
                };
                return talk.screen.line(&format!("* {name}: the stream is over: {how}"));
            }
            Err(error) => return talk.screen.line(&format!("* {name}: the stream is over: {error}")),
        }
    }
}

/// Subscribes to a resource in a session.
pub(super) async fn subscribe(peer: &Peer<RoleClient>, uri: &str) -> Result<(), ServiceError> {
    peer.subscribe(SubscribeRequestParams::new(uri)).await
}

/// Ends a subscription in a session.
pub(super) async fn unsubscribe(peer: &Peer<RoleClient>, uri: &str) -> Result<(), ServiceError> {
    peer.unsubscribe(UnsubscribeRequestParams::new(uri)).await
}
