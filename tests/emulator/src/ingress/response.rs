//! An answer of the function as an HTTP response of an ingress.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};
use http_body_util::{Either, Full};

use super::{
    Ingress, IngressServer, Refusal,
    event::Arrived,
    reply::{Dialect, Head, Malformed, Proxy},
};
use crate::{
    answer::{AnswerBody, BUFFERED_LIMIT, HTTP_INTEGRATION, Outcome, Streaming},
    body::Body,
    prelude::{self, NoPrelude},
};

/// The largest answer a load balancer takes of a function.
const LOAD_BALANCER_LIMIT: usize = 1024 * 1024;

impl IngressServer {
    /// Passes the answer on as this ingress does.
    pub(super) async fn response(
        &self,
        arrived: &Arrived,
        outcome: Outcome,
    ) -> Result<Response<Body>, Refusal> {
        if self.ingress.streams() {
            self.streamed(outcome).await
        } else {
            self.buffered(arrived, outcome).await
        }
    }

    async fn streamed(&self, outcome: Outcome) -> Result<Response<Body>, Refusal> {
        let (content_type, mut body) = match outcome {
            Outcome::Streaming(Streaming { content_type, body }) => (content_type, body),
            // A function that does not stream, behind an ingress that does: its payload is the stream.
            Outcome::Buffered(payload) => (None, AnswerBody::whole(payload)),
            Outcome::Failed(_) => return Err(Refusal::BadFunction),
        };
        let has_prelude = content_type.as_deref() == Some(HTTP_INTEGRATION);
        let head = if self.ingress == Ingress::RestStream || has_prelude {
            prelude::read(&mut body).await.map_err(|none| self.refuse(&none))?
        } else {
            raw_head(content_type)
        };
        Ok(self.assemble(head, Either::Right(body)))
    }

    async fn buffered(&self, arrived: &Arrived, outcome: Outcome) -> Result<Response<Body>, Refusal> {
        let streams = matches!(outcome, Outcome::Streaming(_));
        let payload = match outcome {
            Outcome::Buffered(payload) => payload,
            Outcome::Streaming(Streaming { body, .. }) => {
                body.collect(BUFFERED_LIMIT).await.map_err(|_| Refusal::BadFunction)?
            }
            Outcome::Failed(_) => return Err(Refusal::BadFunction),
        };
        let dialect = match self.ingress {
            // Not documented, and seen: the prelude and its NUL bytes arrive at the client as part of the body.
            Ingress::FunctionUrlBuffered if streams && payload.contains(&0) => {
                let mut headers = HeaderMap::new();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                let head = Head { status: StatusCode::OK, headers };
                return Ok(self.assemble(head, Either::Left(Full::new(payload))));
            }
            Ingress::Rest | Ingress::RestStream => Dialect::Rest { decodes: self.rest.decodes_for(arrived) },
            Ingress::Alb => Dialect::Alb { multi_value: false },
            Ingress::AlbMultiValue => Dialect::Alb { multi_value: true },
            Ingress::FunctionUrl | Ingress::FunctionUrlBuffered | Ingress::HttpApi => Dialect::V2,
        };
        if matches!(dialect, Dialect::Alb { .. }) && payload.len() > LOAD_BALANCER_LIMIT {
            return Err(self.refuse(&NoPrelude::Malformed(Malformed("more than 1 MB"))));
        }
        let Proxy { head, body } = Proxy::read(&payload, dialect)
            .map_err(|malformed| self.refuse(&NoPrelude::Malformed(malformed)))?;
        Ok(self.assemble(head, Either::Left(Full::new(body))))
    }

    /// The reason is for the developer of the function; the client does not get it.
    fn refuse(&self, reason: &NoPrelude) -> Refusal {
        if self.pool.function().echo {
            match reason {
                NoPrelude::Malformed(Malformed(text)) => {
                    eprintln!("[{:?}] malformed response: {text}", self.ingress);
                }
                NoPrelude::Failed(error) => eprintln!("[{:?}] {error}", self.ingress),
            }
        }
        Refusal::BadFunction
    }

    fn assemble(&self, head: Head, body: Either<Full<Bytes>, AnswerBody>) -> Response<Body> {
        let Head { status, mut headers } = head;
        // These belong to the connection, which is the ingress's.
        for name in [CONTENT_LENGTH, CONNECTION, TRANSFER_ENCODING, UPGRADE, TE, TRAILER, PROXY_AUTHENTICATE]
        {
            headers.remove(name);
        }
        headers.remove("keep-alive");
        for (name, remapped) in self.remapped() {
            if let Some(value) = headers.remove(*name) {
                headers.insert(HeaderName::from_static(remapped), value);
            }
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// Headers a function cannot set. `WWW-Authenticate` is the one that hurts: a client that has to authenticate
    /// does not learn how.
    fn remapped(&self) -> &'static [(&'static str, &'static str)] {
        const ALL: &[(&str, &str)] = &[
            ("www-authenticate", "x-amzn-remapped-www-authenticate"),
            ("date", "x-amzn-remapped-date"),
            ("server", "x-amzn-remapped-server"),
        ];
        match self.ingress {
            Ingress::Rest | Ingress::RestStream | Ingress::HttpApi => ALL,
            Ingress::FunctionUrl | Ingress::FunctionUrlBuffered => ALL.get(..1).unwrap_or_default(),
            Ingress::Alb | Ingress::AlbMultiValue => &[],
        }
    }
}

/// A stream without a prelude is a body, with a content type at most.
fn raw_head(content_type: Option<String>) -> Head {
    let content_type = content_type.and_then(|content_type| content_type.parse().ok());
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    Head { status: StatusCode::OK, headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]) }
}
