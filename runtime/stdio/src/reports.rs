//! Requests about what a child reports beside its calls: log messages and resources.

// SEP-2577 deprecates logging; servers and clients use it until it is gone.
#![allow(deprecated)]

use mcp_lambda_core::handler::Request;
use rmcp::{
    ErrorData,
    model::{ClientRequest, ServerResult},
};
use serde_json::Value;

use crate::{call::error_of, pool::Lease, server::StdioServer, settings::ChildPer, translate::params};

impl StdioServer {
    /// Answers requests about what the child reports beside its calls. `None`: the request is another one.
    pub(crate) async fn reports(
        &self,
        request: &Request,
        lease: &Lease,
    ) -> Result<Option<ServerResult>, ErrorData> {
        let child = &lease.child;
        let meta = || Value::Object(params::meta(request, child, child.link.next_id(), &self.settings));
        if let Some(level) = request.context.meta.log_level() {
            child.log_from(level).await.map_err(|error| error_of(error, &self.settings))?;
        }
        let done = match &request.typed {
            ClientRequest::SetLevelRequest(set) => child.log_from(set.params.level).await,
            ClientRequest::SubscribeRequest(subscribe) => {
                self.check_reports(lease)?;
                child.subscribe(&subscribe.params.uri, &meta()).await
            }
            // Other clients of a child that is shared may still want it.
            ClientRequest::UnsubscribeRequest(_) if self.settings.child_per == ChildPer::Server => Ok(()),
            ClientRequest::UnsubscribeRequest(unsubscribe) => {
                child.unsubscribe(&unsubscribe.params.uri, &meta()).await
            }
            ClientRequest::SubscriptionsListenRequest(listen) => {
                let uris = listen.params.notifications.resource_subscriptions.iter().flatten();
                self.listen(lease, uris, &meta()).await?;
                Ok(())
            }
            _ => return Ok(None),
        };
        done.map_err(|error| error_of(error, &self.settings))?;
        Ok(Some(ServerResult::empty(())))
    }

    async fn listen(
        &self,
        lease: &Lease,
        uris: impl Iterator<Item = &String>,
        meta: &Value,
    ) -> Result<(), ErrorData> {
        for uri in uris {
            self.check_reports(lease)?;
            lease.child.subscribe(uri, meta).await.map_err(|error| error_of(error, &self.settings))?;
        }
        Ok(())
    }

    /// Refuses a subscription to what a child of one call would report.
    fn check_reports(&self, lease: &Lease) -> Result<(), ErrorData> {
        if !lease.is_of_one_call() {
            return Ok(());
        }
        let text = format!(
            "the server runs one process per {}, and for this call one of its own, which ends with it: it can report nothing later",
            self.settings.child_per
        );
        Err(ErrorData::invalid_request(text, None))
    }
}
