//! The ingresses between HTTP clients and the function: each kind that AWS has, on a port of its own.
//!
//! A request becomes an event ([`payload_v2`], [`rest`], [`alb`]), the event an invocation, its answer a response
//! ([`reply`], [`crate::prelude`]), or a [`refusal`] with the ingress's own text. A client that leaves is not noticed
//! by the function: the invocation runs on.

mod alb;
mod event;
mod payload_v2;
mod refusal;
pub(crate) mod reply;
mod response;
mod rest;

use std::{net::SocketAddr, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time;
use uuid::Uuid;

use self::event::Arrived;
pub(crate) use self::{refusal::Refusal, rest::RestApi};
use crate::{
    body::{self, Body},
    failure::InvokeError,
    invocation::{self, Invocation, SYNCHRONOUS_LIMIT},
    pool::Pool,
};

/// A way for an HTTP request to reach the function.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Ingress {
    /// A Function URL with the invoke mode `RESPONSE_STREAM`.
    FunctionUrl,
    /// A Function URL with the invoke mode `BUFFERED`.
    FunctionUrlBuffered,
    /// A REST API with a buffered proxy integration: payload format 1.0.
    Rest,
    /// A REST API with the `responseTransferMode` `STREAM`.
    RestStream,
    /// An HTTP API: payload format 2.0, buffered.
    HttpApi,
    /// An Application Load Balancer with single-value headers.
    Alb,
    /// An Application Load Balancer with multi-value headers.
    AlbMultiValue,
}

impl Ingress {
    /// Every ingress.
    pub const ALL: [Ingress; 7] = [
        Ingress::FunctionUrl,
        Ingress::FunctionUrlBuffered,
        Ingress::Rest,
        Ingress::RestStream,
        Ingress::HttpApi,
        Ingress::Alb,
        Ingress::AlbMultiValue,
    ];

    /// `function-url`, `rest`, ...
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Ingress::FunctionUrl => "function-url",
            Ingress::FunctionUrlBuffered => "function-url-buffered",
            Ingress::Rest => "rest",
            Ingress::RestStream => "rest-stream",
            Ingress::HttpApi => "http-api",
            Ingress::Alb => "alb",
            Ingress::AlbMultiValue => "alb-multi-value",
        }
    }

    /// Whether it passes a response on as it is written.
    fn streams(self) -> bool {
        matches!(self, Ingress::FunctionUrl | Ingress::RestStream)
    }

    /// The largest request body. API Gateway takes 10 MB, of which Lambda takes 6.
    fn request_limit(self) -> usize {
        match self {
            Ingress::Alb | Ingress::AlbMultiValue => 1024 * 1024,
            _ => SYNCHRONOUS_LIMIT,
        }
    }

    /// How long it waits for the function; the Function URL and a stream wait as long as the function may run.
    fn timeout(self) -> Option<Duration> {
        match self {
            Ingress::FunctionUrl | Ingress::FunctionUrlBuffered | Ingress::RestStream => None,
            Ingress::Rest => Some(Duration::from_secs(29)),
            Ingress::HttpApi => Some(Duration::from_secs(30)),
            // Its idle timeout: the connection is idle while the function runs.
            Ingress::Alb | Ingress::AlbMultiValue => Some(Duration::from_secs(60)),
        }
    }
}

/// One ingress on its port.
#[derive(Clone, Debug)]
pub(crate) struct IngressServer {
    pub(crate) ingress: Ingress,
    pub(crate) port: u16,
    pub(crate) pool: Pool,
    pub(crate) rest: RestApi,
    /// Instead of the ingress's own time limit.
    pub(crate) ingress_timeout: Option<Duration>,
}

impl IngressServer {
    /// Answers one request.
    pub(crate) async fn answer(self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let trace_id = match request.headers().get("x-amzn-trace-id").and_then(|value| value.to_str().ok()) {
            Some(trace_id) => trace_id.to_owned(),
            None => invocation::trace_id(),
        };
        let mut response = match self.pass(request, peer, &trace_id).await {
            Ok(response) => response,
            Err(refusal) => refusal.response(self.ingress),
        };
        body::set(&mut response, "x-amzn-trace-id", &trace_id);
        response
    }

    async fn pass(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        trace_id: &str,
    ) -> Result<Response<Body>, Refusal> {
        let limit = self.ingress.request_limit();
        let arrived = Arrived::read(request, peer, limit, (self.port, trace_id)).await?;
        let request_id = Uuid::new_v4().to_string();
        let event = self.event(&arrived, &request_id).map_err(|_| Refusal::BadFunction)?;
        let mut invocation = Invocation::new(event.into());
        trace_id.clone_into(&mut invocation.trace_id);
        let answered = async {
            let answer = self.pool.invoke(invocation).await.map_err(|error| match error {
                InvokeError::Throttled => Refusal::Throttled,
                InvokeError::PayloadTooLarge { .. } => Refusal::TooLarge,
                InvokeError::BadClientContext => Refusal::BadFunction,
                InvokeError::Stopped => Refusal::Stopped,
            })?;
            let environment = answer.environment;
            let mut response = match self.response(&arrived, answer.outcome).await {
                Ok(response) => response,
                Err(refusal) => refusal.response(self.ingress),
            };
            body::set(&mut response, "x-emulator-environment", &environment.to_string());
            body::set(&mut response, "x-amzn-requestid", &request_id);
            Ok(response)
        };
        match self.ingress_timeout.filter(|_| !self.ingress.streams()).or(self.ingress.timeout()) {
            Some(timeout) => time::timeout(timeout, answered).await.unwrap_or(Err(Refusal::TimedOut)),
            None => answered.await,
        }
    }

    fn event(&self, arrived: &Arrived, request_id: &str) -> serde_json::Result<Vec<u8>> {
        let region = &self.pool.function().region;
        let source = |account, domain_name, cookie_header| payload_v2::Source {
            account,
            api_id: "emulator",
            domain_name,
            cookie_header,
        };
        match self.ingress {
            Ingress::FunctionUrl | Ingress::FunctionUrlBuffered => {
                let domain_name = format!("emulator.lambda-url.{region}.on.aws");
                payload_v2::event(arrived, &source("anonymous", domain_name, true), request_id)
            }
            Ingress::HttpApi => {
                let domain_name = format!("emulator.execute-api.{region}.amazonaws.com");
                payload_v2::event(arrived, &source(crate::function::ACCOUNT, domain_name, false), request_id)
            }
            Ingress::Rest | Ingress::RestStream => self.rest.event(arrived, region, request_id),
            Ingress::Alb => alb::event(arrived, false, region),
            Ingress::AlbMultiValue => alb::event(arrived, true, region),
        }
    }
}
