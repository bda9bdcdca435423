//! Requests inside of invocations: Lambda's Invoke API carries the event of a Function URL.
//!
//! `InvokeWithResponseStream` passes the response on while the function writes it, so that progress arrives in time;
//! `Invoke` returns it at its end. Both are plain signed requests, so the SDK of Lambda, which compiles for minutes, is not
//! needed.

mod event;
mod mode;
mod payload;
mod stream;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_config::SdkConfig;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

pub use self::mode::InvokeMode;
use crate::{
    Error,
    sender::{Authorize, HttpSender, ResponseBody, Sender, SigV4},
};

/// The path of the server inside of the function, in the URL that requests are made to.
const HOST: &str = "function.lambda-url";

/// Sends requests to a function.
#[derive(Debug)]
pub(crate) struct InvokeSender {
    function: Function,
    mode: InvokeMode,
    signer: Arc<SigV4>,
    timeout: Duration,
    url: String,
    http: tokio::sync::OnceCell<HttpSender>,
}

/// The function that is invoked.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) qualifier: Option<String>,
    pub(crate) region: Option<String>,
    /// The path at which the function serves MCP.
    pub(crate) path: String,
    /// The URL of the Invoke API, for emulators and VPC endpoints.
    pub(crate) endpoint: Option<String>,
}

impl InvokeSender {
    pub(crate) fn new(function: Function, mode: InvokeMode, signer: SigV4, timeout: Duration) -> Self {
        let url = format!("https://{HOST}.on.aws{}", function.path);
        Self { function, mode, signer: Arc::new(signer), timeout, url, http: tokio::sync::OnceCell::new() }
    }

    /// The sender to the Invoke API of the region, which is known when the profile has been read.
    async fn api(&self) -> Result<&HttpSender, Error> {
        self.http
            .get_or_try_init(|| async {
                let loaded = self.signer.loaded().await?;
                let region = match &self.function.region {
                    Some(region) => region.clone(),
                    None => crate::sender::region_of(&loaded)?,
                };
                let endpoint = endpoint(self.function.endpoint.as_deref(), &loaded.config, &region);
                let authorize: Arc<dyn Authorize> = Arc::clone(&self.signer) as _;
                HttpSender::new(endpoint, format!("Lambda in {region}"), authorize, self.timeout)
            })
            .await
    }

    fn invocation(&self, endpoint: &str, payload: Vec<u8>) -> Result<Request<Bytes>, Error> {
        let (version, operation) = match self.mode {
            InvokeMode::Stream => ("2021-11-15", "response-streaming-invocations"),
            InvokeMode::Buffered => ("2015-03-31", "invocations"),
        };
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut url = format!("{endpoint}/{version}/functions/{}/{operation}", encode(&self.function.name));
        if let Some(qualifier) = &self.function.qualifier {
            url.push_str("?Qualifier=");
            url.push_str(&encode(qualifier));
        }
        Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("content-type", "application/json")
            .body(Bytes::from(payload))
            .map_err(|error| Error::Protocol(error.to_string()))
    }

    async fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: ResponseBody) -> Error {
        #[derive(Deserialize, Default)]
        struct Refusal {
            #[serde(alias = "Message", alias = "message", default)]
            text: String,
        }
        let bytes = payload::collect(body, payload::LARGEST).await.unwrap_or_default();
        let refusal: Refusal = serde_json::from_slice(&bytes).unwrap_or_default();
        let code = headers.get("x-amzn-errortype").and_then(|code| code.to_str().ok()).unwrap_or_default();
        Error::Invoke {
            function: self.function.name.clone(),
            status: status.as_u16(),
            code: code.split(':').next().unwrap_or_default().to_owned(),
            message: if refusal.text.is_empty() {
                String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).into_owned()
            } else {
                refusal.text
            },
        }
    }
}

/// The URL of the Invoke API.
fn endpoint(given: Option<&str>, config: &SdkConfig, region: &str) -> String {
    if let Some(url) = given.or(config.endpoint_url()) {
        return url.trim_end_matches('/').to_owned();
    }
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://lambda.{region}.{suffix}")
}

#[async_trait]
impl Sender for InvokeSender {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ResponseBody>, Error> {
        let api = self.api().await?;
        let event = event::function_url(&request, self.mode)?;
        let response = api.send(self.invocation(api.url(), event)?).await?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            // Too many invocations at a time, and failures of Lambda itself, are for the caller to repeat.
            if matches!(head.status.as_u16(), 429 | 503) {
                return Ok(Response::from_parts(head, body));
            }
            return Err(self.refusal(head.status, &head.headers, body).await);
        }
        let name = &self.function.name;
        if let Some(kind) = head.headers.get("x-amz-function-error") {
            let kind = kind.to_str().unwrap_or("Unhandled").to_owned();
            let bytes = payload::collect(body, payload::LARGEST).await?;
            return Err(payload::function_error(name, &kind, &bytes));
        }
        let chunks = match self.mode {
            InvokeMode::Stream => stream::payload_chunks(body, name.clone()),
            InvokeMode::Buffered => body,
        };
        payload::response(chunks).await
    }

    fn url(&self) -> &str {
        &self.url
    }

    fn address(&self) -> &str {
        &self.function.name
    }

    fn advice(&self) -> String {
        "The server inside of the function refused the caller: an invocation carries no identity, so the server must not \
         ask for one."
            .to_owned()
    }
}
