//! 2026-07-28 requests: no session, no read of any store.

use std::sync::Arc;

use futures::StreamExt;
use rmcp::model::{ClientRequest, GetMeta, Implementation, InitializeRequestParams, ProtocolVersion};
use tokio_util::sync::CancellationToken;

use super::{
    App, call,
    conversation::{Conversation, Said, Terms},
    listen,
    outbound::{LogLevel, Outbound},
    permission,
    reply::{Caller, Final, Reply},
    seal::{self, Binding},
};
use crate::{
    ingress::Delivery,
    peer::Setting,
    protocol::{Era, Fault, StatelessRequest, headers},
    random,
    stream::{Frame, FrameStream},
};

pub(super) async fn request(app: &Arc<App>, caller: &Caller, read: StatelessRequest) -> Reply {
    let id = read.request.id.clone();
    let outcome = if read.request.method == "subscriptions/listen" {
        listen::open(app, caller, &read).await
    } else {
        converse(app, caller, &read).await
    };
    outcome.unwrap_or_else(|fault| Reply::refuse(Era::Stateless, Some(id), fault))
}

async fn converse(app: &Arc<App>, caller: &Caller, read: &StatelessRequest) -> Result<Reply, Fault> {
    check_method(app, &read.request.method)?;
    permission::check(app, caller, &read.request)?;
    let mut request = call::typed(&read.request)?;
    call::check_tools(app, &request).await?;
    check_param_headers(app, caller, &request)?;
    let binding = seal::may_ask(&read.request.method).then(|| Binding::of(&caller.principal, &read.request));
    if let Some(binding) = &binding {
        app.seal.open(&mut request, binding)?;
    }
    let terms = Terms {
        outbound: outbound(&request, read),
        binding,
        letters: None,
        principal: caller.principal.clone(),
        deadline: caller.ingress.deadline,
    };
    let setting = Setting {
        peer_info: peer_info(&request),
        extensions: app.extensions(caller, None),
        cancel: CancellationToken::new(),
    };
    let conversation = Conversation::start(app, read.request.id.clone(), request, setting, terms);
    Ok(reply(caller, conversation).await)
}

/// The first thing said decides: a response alone is JSON, anything else opens a stream.
async fn reply(caller: &Caller, mut conversation: Conversation) -> Reply {
    let first = loop {
        match conversation.next().await {
            Said::Final(last) if caller.accepts.json => return Reply::answer(Era::Stateless, last),
            // A client that reads no streams gets the response alone.
            Said::Message(_) | Said::LazySubscriber | Said::Disconnect if !caller.accepts.events => {}
            // A buffered front shows nobody that we are alive.
            Said::LazySubscriber if caller.ingress.delivery == Delivery::Buffered => {}
            said => break said,
        }
    };
    Reply::Stream(stream(first, conversation))
}

/// The stream owns the conversation: a client that leaves drops it, and that is a cancellation in this era.
fn stream(first: Said, conversation: Conversation) -> FrameStream {
    futures::stream::unfold((Some(first), Some(conversation)), async |(first, conversation)| {
        let mut conversation = conversation?;
        let said = match first {
            Some(said) => said,
            None => conversation.next().await,
        };
        let message = |json| Frame::Message { id: None, json };
        Some(match said {
            Said::Message(json) => (message(json), (None, Some(conversation))),
            Said::Final(last) => (message(last.json), (None, None)),
            Said::LazySubscriber | Said::Disconnect => (Frame::KeepAlive, (None, Some(conversation))),
            Said::Cancelled => (Frame::KeepAlive, (None, None)),
        })
    })
    .boxed()
}

/// Methods that ended with the session era, and methods of capabilities nobody advertised, do not exist.
fn check_method(app: &App, method: &str) -> Result<(), Fault> {
    let capabilities = &app.capabilities;
    let exists = match method {
        "initialize"
        | "ping"
        | "logging/setLevel"
        | "resources/subscribe"
        | "resources/unsubscribe"
        | "tasks/result"
        | "tasks/list" => false,
        "completion/complete" => capabilities.completions.is_some(),
        "tasks/get" | "tasks/update" | "tasks/cancel" => capabilities.supports_tasks(),
        _ => match method.split_once('/') {
            Some(("tools", _)) => capabilities.tools.is_some(),
            Some(("prompts", _)) => capabilities.prompts.is_some(),
            Some(("resources", _)) => capabilities.resources.is_some(),
            _ => true,
        },
    };
    if exists { Ok(()) } else { Err(Fault::MethodNotFound(method.to_owned())) }
}

fn check_param_headers(app: &App, caller: &Caller, request: &ClientRequest) -> Result<(), Fault> {
    let ClientRequest::CallToolRequest(call) = request else { return Ok(()) };
    match app.handler.tool(&call.params.name) {
        Some(tool) => {
            headers::check_params(&caller.parts.headers, &tool.input_schema, call.params.arguments.as_ref())
        }
        None => Ok(()),
    }
}

fn outbound(request: &ClientRequest, read: &StatelessRequest) -> Outbound {
    Outbound {
        era: Era::Stateless,
        call: random::token(),
        progress_token: request.get_meta().get_progress_token(),
        log_level: read.log_level.map_or(LogLevel::Nothing, LogLevel::From),
        can_ask: false,
        progress: None,
    }
}

/// What rmcp's `Peer` should know about the client: this request says it all.
fn peer_info(request: &ClientRequest) -> InitializeRequestParams {
    let meta = request.get_meta();
    let client = meta.client_info().unwrap_or_else(|| Implementation::new("unknown", "0"));
    InitializeRequestParams::new(meta.client_capabilities().unwrap_or_default(), client)
        .with_protocol_version(ProtocolVersion::V_2026_07_28)
}

impl Final {
    /// As a frame of a stateless stream.
    pub(super) fn into_frame(self) -> Frame {
        Frame::Message { id: None, json: self.json }
    }
}
