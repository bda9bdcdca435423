//! The resources that a child was asked to report on, and the level of its log.

// SEP-2577 deprecates logging; servers use it until it is gone.
#![allow(deprecated)]

use std::{collections::VecDeque, sync::Arc};

use rmcp::model::LoggingLevel;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Child, Failed, Link, Pending, Speaks};

/// How many resources a child reports on. The one that was asked for longest ago gives way to another.
const MOST: usize = 256;

/// What a child was asked to report.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    state: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    uris: VecDeque<String>,
    /// The listen request of a child of 2026-07-28.
    listening: Option<Pending>,
    level: Option<LoggingLevel>,
}

impl Child {
    /// Asks the child to report on a resource, once however many clients want it.
    pub(crate) async fn subscribe(&self, uri: &str, meta: &Value) -> Result<(), Failed> {
        let mut asked = self.subscriptions.state.lock().await;
        if asked.uris.iter().any(|known| known == uri) {
            return Ok(());
        }
        if self.handshake.speaks == Speaks::Session {
            let params = json!({ "uri": uri, "_meta": meta });
            self.link.request("resources/subscribe", &params).await?;
        }
        asked.uris.push_back(uri.to_owned());
        let oldest = if asked.uris.len() > MOST { asked.uris.pop_front() } else { None };
        match self.handshake.speaks {
            Speaks::Session => {
                if let Some(uri) = oldest {
                    let params = json!({ "uri": uri });
                    let _ = self.link.request("resources/unsubscribe", &params).await;
                }
                Ok(())
            }
            Speaks::Stateless => self.listen(&mut asked).await,
        }
    }

    /// Tells the child that no client wants reports on a resource any more.
    pub(crate) async fn unsubscribe(&self, uri: &str, meta: &Value) -> Result<(), Failed> {
        let mut asked = self.subscriptions.state.lock().await;
        asked.uris.retain(|known| known != uri);
        match self.handshake.speaks {
            Speaks::Session => {
                let params = json!({ "uri": uri, "_meta": meta });
                self.link.request("resources/unsubscribe", &params).await.map(|_| ())
            }
            Speaks::Stateless => self.listen(&mut asked).await,
        }
    }

    /// Asks a child of 2026-07-28 to report all that it declares.
    pub(crate) async fn listen_to_lists(&self) {
        let mut asked = self.subscriptions.state.lock().await;
        if asked.listening.is_none()
            && self.handshake.speaks == Speaks::Stateless
            && let Err(error) = self.listen(&mut asked).await
        {
            tracing::debug!(?error, "the server takes no subscriptions");
        }
    }

    /// Replaces the listen request of the child by one for all that was asked for.
    async fn listen(&self, asked: &mut Asked) -> Result<(), Failed> {
        let capabilities = &self.handshake.info.capabilities;
        let mut filter = json!({});
        let tools = capabilities.tools.as_ref().and_then(|tools| tools.list_changed);
        let prompts = capabilities.prompts.as_ref().and_then(|prompts| prompts.list_changed);
        let resources = capabilities.resources.as_ref().and_then(|resources| resources.list_changed);
        for (key, declared) in [
            ("toolsListChanged", tools),
            ("promptsListChanged", prompts),
            ("resourcesListChanged", resources),
        ] {
            if declared == Some(true) {
                filter[key] = true.into();
            }
        }
        if !asked.uris.is_empty() {
            filter["resourceSubscriptions"] = json!(asked.uris);
        }
        if filter.as_object().is_none_or(serde_json::Map::is_empty) {
            asked.listening = None;
            return Ok(());
        }
        let params = json!({ "notifications": filter, "_meta": self.client.meta() });
        let link: &Arc<Link> = &self.link;
        let opened = link.open("subscriptions/listen", &params).await?;
        // The old one is cancelled after the new one was sent, so that nothing between them is missed.
        asked.listening = Some(opened);
        Ok(())
    }

    /// Lets the child write log messages of a level, if it is the first one that asks for so much. A child of 2026-07-28 reads the
    /// level of each request.
    pub(crate) async fn log_from(&self, level: LoggingLevel) -> Result<(), Failed> {
        if self.handshake.speaks == Speaks::Stateless || self.handshake.info.capabilities.logging.is_none() {
            return Ok(());
        }
        let mut asked = self.subscriptions.state.lock().await;
        if asked.level.is_some_and(|known| severity(known) <= severity(level)) {
            return Ok(());
        }
        self.link.request("logging/setLevel", &json!({ "level": level })).await?;
        asked.level = Some(level);
        Ok(())
    }
}

/// The severities of RFC 5424, mildest first.
fn severity(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}
