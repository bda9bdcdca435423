//! Names of tools and prompts, by their prefix.

use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};
use rmcp::{ErrorData, model::ClientRequest};

use super::mounts::{Composed, Mount};
use crate::{
    handler::{HandlerResult, Request},
    protocol::explain::short,
};

impl Composed {
    /// The handler of a name, and its own name of it.
    pub(super) fn named<'n>(&self, name: &'n str) -> Option<(&Mount, &'n str)> {
        self.mounts.iter().find_map(|mount| Some((mount, mount.prefix.own(name)?)))
    }

    /// Passes a call of a tool, or a request for a prompt, to the handler that it names.
    pub(super) fn by_name(&self, mut request: Request) -> BoxFuture<'_, HandlerResult> {
        let name = match &request.typed {
            ClientRequest::CallToolRequest(call) => call.params.name.to_string(),
            ClientRequest::GetPromptRequest(get) => get.params.name.clone(),
            _ => String::new(),
        };
        let Some((mount, own)) = self.named(&name) else {
            let error = match &request.typed {
                // In rmcp's words, which layers complete.
                ClientRequest::CallToolRequest(_) => ErrorData::invalid_params("tool not found", None),
                _ => ErrorData::invalid_params(format!("unknown prompt: {:?}", short(&name)), None),
            };
            return ready(Err(error.into())).boxed();
        };
        match &mut request.typed {
            ClientRequest::CallToolRequest(call) => call.params.name = own.to_owned().into(),
            ClientRequest::GetPromptRequest(get) => get.params.name = own.to_owned(),
            _ => {}
        }
        self.handler(mount).request(request)
    }
}
