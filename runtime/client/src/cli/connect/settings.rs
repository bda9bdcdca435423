//! Commands about the connection: subscriptions, log lines, the session, round trips.
#![expect(deprecated, reason = "servers still send log lines, whatever becomes of them")]

use std::time::Duration;

use rmcp::{
    RoleClient,
    model::{
        ClientRequest, DiscoverRequest, DiscoverRequestParams, LoggingLevel, PingRequest,
        SetLevelRequestParams, SubscriptionFilter,
    },
    service::{Peer, ServiceError},
};
use serde_json::json;
use tokio::time::Instant;

use super::{
    command::Command,
    completion::LEVELS,
    listening::{subscribe, unsubscribe},
    repl::Repl,
};
use crate::cli::failure::Failure;

/// The name of the stream that `listen` opens.
const LISTEN: &str = "listen";

impl Repl {
    /// Carries out a command about the connection.
    pub(super) async fn settings(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Subscribe(uri) => self.subscribe(uri).await,
            Command::Unsubscribe(uri) => self.unsubscribe(&uri).await,
            Command::Listen(what) => self.listen(&what).await,
            Command::Unlisten => self.unlisten().await,
            Command::LogLevel(level) => self.log_level(&level).await,
            Command::Ping => self.ping().await,
            _ => {
                self.session();
                Ok(())
            }
        }
    }

    async fn subscribe(&mut self, uri: String) -> Result<(), Failure> {
        let peer = self.peer();
        if self.is_stateless() {
            let filter = SubscriptionFilter::builder().resource_subscriptions([uri.as_str()]).build();
            self.open(&uri, filter).await?;
        } else {
            self.running(async { Ok(subscribe(&peer, &uri).await?) }).await?;
            self.screen().line(&format!("subscribed to {uri}"));
        }
        let mut lists = self.known().lists();
        lists.subscribed.retain(|known| *known != uri);
        lists.subscribed.push(uri);
        Ok(())
    }

    async fn unsubscribe(&mut self, uri: &str) -> Result<(), Failure> {
        let peer = self.peer();
        if !self.is_stateless() {
            self.running(async { Ok(unsubscribe(&peer, uri).await?) }).await?;
        } else if !self.listening.close(uri) {
            return Err(Failure::refused(format!("there is no subscription to {uri}")));
        }
        self.known().lists().subscribed.retain(|known| known != uri);
        self.screen().line(&format!("no longer subscribed to {uri}"));
        Ok(())
    }

    /// A session hears of its lists by itself, and of resources by subscriptions.
    async fn listen(&mut self, what: &[String]) -> Result<(), Failure> {
        if self.is_stateless() {
            return self.open(LISTEN, filter(what)).await;
        }
        self.screen().line("the stream of the session is open: changes of lists are shown as they happen");
        for uri in what.iter().filter(|word| !is_list(word)) {
            self.subscribe(uri.clone()).await?;
        }
        Ok(())
    }

    async fn open(&mut self, name: &str, filter: SubscriptionFilter) -> Result<(), Failure> {
        let (peer, talk) = (self.peer(), self.talk.clone());
        // The streams stay where they are while this one is opened.
        let mut listening = std::mem::take(&mut self.listening);
        let opened = self.running(listening.open(name, filter, &peer, &talk)).await;
        self.listening = listening;
        self.screen().line(&format!("listening: {}", opened?));
        Ok(())
    }

    async fn unlisten(&mut self) -> Result<(), Failure> {
        let subscribed = std::mem::take(&mut self.known().lists().subscribed);
        let mut ended = self.listening.close_all();
        if !self.is_stateless() {
            let peer = self.peer();
            for uri in &subscribed {
                self.running(async { Ok(unsubscribe(&peer, uri).await?) }).await?;
                ended += 1;
            }
        }
        self.screen().line(&format!("{ended} ended"));
        Ok(())
    }

    async fn log_level(&mut self, name: &str) -> Result<(), Failure> {
        let level: LoggingLevel = serde_json::from_value(json!(name)).map_err(|_| {
            Failure::usage(format!("log-level {name:?}: expected one of {}", LEVELS.join(", ")))
        })?;
        if self.is_stateless() {
            // The level is in the metadata of each request.
            self.level = Some(level);
        } else {
            let peer = self.peer();
            self.running(async { Ok(peer.set_level(SetLevelRequestParams::new(level)).await?) }).await?;
        }
        self.screen().line(&format!("log lines of {name} and above"));
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), Failure> {
        let (peer, is_stateless) = (self.peer(), self.is_stateless());
        let took = self.running(async { Ok(round_trip(&peer, is_stateless).await?) }).await?;
        let method = if is_stateless { "server/discover" } else { "ping" };
        self.show(&json!({ "method": method, "milliseconds": took.as_millis() }), |_| {
            format!("{method}: {:.1} ms", took.as_secs_f64() * 1e3)
        });
        Ok(())
    }

    fn session(&self) {
        let id = self.session.id();
        self.show(&json!({ "sessionId": id }), |_| match &id {
            Some(id) => id.clone(),
            None if self.is_stateless() => "2026-07-28 has no sessions.".to_owned(),
            None => "The server gives no session id.".to_owned(),
        });
    }
}

/// 2026-07-28 has no `ping`: the smallest request that every server answers takes its place.
async fn round_trip(peer: &Peer<RoleClient>, is_stateless: bool) -> Result<Duration, ServiceError> {
    let request = if is_stateless {
        ClientRequest::DiscoverRequest(DiscoverRequest::new(DiscoverRequestParams {}))
    } else {
        ClientRequest::PingRequest(PingRequest::default())
    };
    let began = Instant::now();
    peer.send_request(request).await?;
    Ok(began.elapsed())
}

fn is_list(word: &str) -> bool {
    ["tools", "prompts", "resources"].contains(&word)
}

/// What is to be heard of: all lists where nothing is named.
fn filter(what: &[String]) -> SubscriptionFilter {
    let wants = |list: &str| what.is_empty() || what.iter().any(|word| word == list);
    let uris: Vec<&String> = what.iter().filter(|word| !is_list(word)).collect();
    let mut filter = SubscriptionFilter::builder();
    if wants("tools") {
        filter = filter.tools_list_changed();
    }
    if wants("prompts") {
        filter = filter.prompts_list_changed();
    }
    if wants("resources") {
        filter = filter.resources_list_changed();
    }
    if !uris.is_empty() {
        filter = filter.resource_subscriptions(uris);
    }
    filter.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_what_is_named_and_all_lists_without_a_name() {
        let of = |words: &[&str]| json!(filter(&words.iter().map(ToString::to_string).collect::<Vec<_>>()));
        let all =
            json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true });
        assert_eq!(of(&[]), all);
        assert_eq!(
            of(&["tools", "a://b"]),
            json!({ "toolsListChanged": true, "resourceSubscriptions": ["a://b"] })
        );
    }
}
