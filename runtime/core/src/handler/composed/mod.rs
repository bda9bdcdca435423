//! Several handlers behind one endpoint.
//!
//! * [`mounts`]: the handlers, each under a [`prefix`]. [`lists`]: one list of all, with [`cursor`].
//! * [`names`]: tools and prompts by prefix. [`uris`]: resources by the handler that lists them, which [`owners`] remembers.

mod cursor;
mod lists;
mod mounts;
mod names;
mod owners;
mod prefix;
mod uris;

use std::borrow::Cow;

use futures::{
    FutureExt,
    future::{BoxFuture, join_all, ready},
};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        ClientNotification, ClientRequest, DiscoverResult, ProtocolVersion, Reference, ServerCapabilities,
        ServerConfig, ServerResult, Tool,
    },
    service::NotificationContext,
};

pub use self::mounts::Composed;
use super::{Handler, HandlerResult, Request, Results};
use crate::error::ConfigError;

impl Composed {
    /// Lets each handler see the client, and answers for all of them.
    async fn initialize(&self, request: Request) -> HandlerResult {
        let asked = self.mounts.iter().map(|mount| self.handler(mount).request(request.clone()));
        for (mount, result) in self.mounts.iter().zip(join_all(asked).await) {
            if let Err(error) = result {
                tracing::warn!(server = %mount.prefix, ?error, "a server refuses a client, which the others serve");
            }
        }
        // The version is negotiated by the server around the handlers.
        Ok(ServerResult::InitializeResult(self.info()))
    }

    async fn complete(&self, mut request: Request) -> HandlerResult {
        let declares = |capabilities: &ServerCapabilities| capabilities.completions.is_some();
        let ClientRequest::CompleteRequest(complete) = &mut request.typed else {
            return self.first_that_knows(self.with(declares), request).await;
        };
        let named = match &mut complete.params.r#ref {
            Reference::Prompt(prompt) => match self.named(&prompt.name) {
                Some((mount, name)) => {
                    prompt.name = name.to_owned();
                    Some(mount)
                }
                None => {
                    return Err(ErrorData::invalid_params(
                        format!("unknown prompt: {:?}", prompt.name),
                        None,
                    )
                    .into());
                }
            },
            _ => None,
        };
        match named {
            Some(mount) => self.handler(mount).request(request).await,
            None => self.by_uri(self.with(declares), request).await,
        }
    }
}

impl Handler for Composed {
    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        let resources = |capabilities: &ServerCapabilities| capabilities.resources.is_some();
        match &request.typed {
            ClientRequest::InitializeRequest(_) => self.initialize(request).boxed(),
            ClientRequest::DiscoverRequest(_) => {
                let discovered = DiscoverResult::from_server_info(self.versions().into_owned(), self.info());
                ready(Ok(ServerResult::DiscoverResult(discovered))).boxed()
            }
            ClientRequest::ListToolsRequest(_)
            | ClientRequest::ListPromptsRequest(_)
            | ClientRequest::ListResourcesRequest(_)
            | ClientRequest::ListResourceTemplatesRequest(_)
            | ClientRequest::ListSkillsRequest(_) => self.list(request).boxed(),
            ClientRequest::CallToolRequest(_) | ClientRequest::GetPromptRequest(_) => self.by_name(request),
            ClientRequest::CompleteRequest(_) => self.complete(request).boxed(),
            ClientRequest::ReadResourceRequest(_)
            | ClientRequest::SubscribeRequest(_)
            | ClientRequest::UnsubscribeRequest(_)
            | ClientRequest::ReadResourceDirectoryRequest(_) => {
                self.by_uri(self.with(resources), request).boxed()
            }
            ClientRequest::SubscriptionsListenRequest(_) => {
                self.listen(self.with(resources), request).boxed()
            }
            ClientRequest::SetLevelRequest(_) => {
                self.all(self.with(|capabilities| capabilities.logging.is_some()), request).boxed()
            }
            _ => self.first_that_knows(self.mounts.iter().collect(), request).boxed(),
        }
    }

    fn notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> BoxFuture<'_, Result<(), ErrorData>> {
        let told = self
            .mounts
            .iter()
            .map(move |mount| mount.own.notification(notification.clone(), context.clone()));
        join_all(told.collect::<Vec<_>>())
            .map(|results| results.into_iter().find(Result::is_err).unwrap_or(Ok(())))
            .boxed()
    }

    fn info(&self) -> ServerConfig {
        let infos: Vec<ServerConfig> = self.mounts.iter().map(|mount| mount.own.info()).collect();
        let capabilities =
            infos.iter().fold(ServerCapabilities::default(), |all, info| merged(all, &info.capabilities));
        let config = ServerConfig::new(capabilities).with_server_info(self.server_info.clone());
        let instructions: Vec<String> = self
            .mounts
            .iter()
            .zip(&infos)
            .filter_map(|(mount, info)| {
                let text = info.instructions.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
                Some(format!("{}_*: {text}", mount.prefix))
            })
            .collect();
        if instructions.is_empty() { config } else { config.with_instructions(instructions.join("\n\n")) }
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        let (mount, own) = self.named(name)?;
        let mut tool = mount.own.tool(own)?;
        tool.name = name.to_owned().into();
        Some(tool)
    }

    /// The revisions that all of them speak.
    fn versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let mut spoken = self.mounts.iter().map(|mount| mount.own.versions());
        let Some(first) = spoken.next() else { return Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS) };
        spoken
            .fold(first, |all, other| all.iter().filter(|version| other.contains(version)).cloned().collect())
    }

    fn results(&self) -> Results {
        self.whose_results()
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), ConfigError>> {
        async {
            prefix::check(self.mounts.iter().map(|mount| &mount.prefix))?;
            let prepared = self.mounts.iter().map(|mount| mount.own.prepare());
            join_all(prepared).await.into_iter().collect()
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        join_all(self.mounts.iter().map(|mount| mount.own.close())).map(drop).boxed()
    }
}

/// The capabilities of several servers: what one of them declares, all of them together have.
fn merged(mut all: ServerCapabilities, one: &ServerCapabilities) -> ServerCapabilities {
    let either = |flag: &mut Option<bool>, other: Option<bool>| *flag = (*flag).max(other);
    if let Some(one) = &one.tools {
        either(&mut all.tools.get_or_insert_default().list_changed, one.list_changed);
    }
    if let Some(one) = &one.prompts {
        either(&mut all.prompts.get_or_insert_default().list_changed, one.list_changed);
    }
    if let Some(one) = &one.resources {
        let resources = all.resources.get_or_insert_default();
        either(&mut resources.list_changed, one.list_changed);
        either(&mut resources.subscribe, one.subscribe);
    }
    for (all, one) in [(&mut all.completions, &one.completions), (&mut all.logging, &one.logging)] {
        if let Some(one) = one {
            all.get_or_insert_default().extend(one.clone());
        }
    }
    for (all, one) in [(&mut all.extensions, &one.extensions), (&mut all.experimental, &one.experimental)] {
        for (name, settings) in one.iter().flatten() {
            all.get_or_insert_default().entry(name.clone()).or_insert_with(|| settings.clone());
        }
    }
    all
}
