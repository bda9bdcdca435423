//! 2026-07-28 requests: no session, no read of any store.

use futures::StreamExt;
use rmcp::model::{ClientRequest, GetMeta, Implementation, InitializeRequestParams, ProtocolVersion};
use tokio_util::sync::CancellationToken;

use super::{Caller, Dispatcher, Reply, params, subscriptions};
use crate::{
    exchange::{Exchange, ExchangeEvent, ExchangeOptions, HandlerContext, LogLevel, Outbound},
    ingress::Delivery,
    protocol::{Era, Fault, Method, StatelessRequest},
    stream::{Frame, FrameStream},
};

impl Dispatcher {
    /// Serves a 2026-07-28 request.
    pub(super) async fn stateless(&self, caller: &Caller, request: StatelessRequest) -> Reply {
        let id = request.request.id.clone();
        let reply = match request.request.method {
            Method::Listen => self.listen(caller, request).await,
            _ => match self.start_stateless(caller, request) {
                Ok(exchange) => Ok(reply(caller, exchange).await),
                Err(fault) => Err(fault),
            },
        };
        reply.unwrap_or_else(|fault| Reply::error(Era::Stateless, Some(id), fault))
    }

    /// Opens a listen stream, unless it names a resource that nothing can match.
    async fn listen(&self, caller: &Caller, request: StatelessRequest) -> Result<Reply, Fault> {
        let filter = self.streams.listen_filter(&request)?;
        let uris = filter.resources();
        if !uris.is_empty() {
            subscriptions::check(uris, self.subscription_limit)?;
            let exchange = self.start_stateless(caller, request.clone())?;
            if let Some(refused) = subscriptions::refusal_of(exchange).await {
                return Ok(Reply::response(Era::Stateless, Some(request.request.id), refused));
            }
        }
        self.streams.open_listen(caller, &request, filter).await
    }

    fn start_stateless(&self, caller: &Caller, read: StatelessRequest) -> Result<Exchange, Fault> {
        // Before the parameters are read: a method that does not exist has none.
        self.capabilities.check(Era::Stateless, &read.request.method)?;
        let request = params::typed(&read.request)?;
        let options = ExchangeOptions {
            outbound: outbound(&request, &read),
            inbox: None,
            deadline: caller.ingress.deadline,
        };
        let context = HandlerContext {
            era: Era::Stateless,
            principal: caller.principal.clone(),
            peer_info: peer_info(&request),
            extensions: self.services.extensions(caller, None),
            cancel: CancellationToken::new(),
            served: caller.served.clone(),
        };
        Ok(self.exchanges.start(read.request, request, context, options))
    }
}

/// The first event decides: a response alone is JSON, any other event opens a stream.
async fn reply(caller: &Caller, mut exchange: Exchange) -> Reply {
    let first = loop {
        match exchange.next().await {
            ExchangeEvent::Response(response) if caller.accepts.json || response.fault.is_some() => {
                return Reply::response(Era::Stateless, Some(exchange.id().clone()), response);
            }
            // A client that does not accept a stream gets the response alone.
            ExchangeEvent::Message(_) | ExchangeEvent::Idle | ExchangeEvent::Disconnect
                if !caller.accepts.events => {}
            // A buffered reply reaches the client at its end: keep-alives are of no use.
            ExchangeEvent::Idle if caller.ingress.delivery == Delivery::Buffered => {}
            event => break event,
        }
    };
    Reply::Stream(stream(first, exchange))
}

/// The stream owns the exchange. A client that leaves drops both, which cancels the request in this era.
fn stream(first: ExchangeEvent, exchange: Exchange) -> FrameStream {
    futures::stream::unfold((Some(first), Some(exchange)), async |(first, exchange)| {
        let mut exchange = exchange?;
        let event = match first {
            Some(event) => event,
            None => exchange.next().await,
        };
        let message = |json| Frame::Message { id: None, json };
        Some(match event {
            ExchangeEvent::Message(json) => (message(json), (None, Some(exchange))),
            ExchangeEvent::Response(response) => (message(response.json), (None, None)),
            ExchangeEvent::Idle | ExchangeEvent::Disconnect => (Frame::KeepAlive, (None, Some(exchange))),
            ExchangeEvent::Cancelled => (Frame::KeepAlive, (None, None)),
        })
    })
    .boxed()
}

fn outbound(request: &ClientRequest, read: &StatelessRequest) -> Outbound {
    Outbound {
        era: Era::Stateless,
        // No request to the client begins with it.
        call: String::new(),
        progress_token: request.get_meta().get_progress_token(),
        log_level: read.log_level.map_or(LogLevel::Nothing, LogLevel::From),
        cannot_ask: Some("2026-07-28 has no requests to clients; return an InputRequiredResult"),
        progress: None,
    }
}

/// What rmcp's `Peer` knows of the client: each request names its client.
pub(crate) fn peer_info(request: &ClientRequest) -> InitializeRequestParams {
    let meta = request.get_meta();
    let client = meta.client_info().unwrap_or_else(|| Implementation::new("unknown", "0"));
    InitializeRequestParams::new(meta.client_capabilities().unwrap_or_default(), client)
        .with_protocol_version(ProtocolVersion::V_2026_07_28)
}
