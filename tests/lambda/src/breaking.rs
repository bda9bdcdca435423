//! A layer that breaks the response of a request that asks for it: after its first frame, with an error or a panic.

use futures::{FutureExt, StreamExt, TryFutureExt, future::BoxFuture, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use mcp_lambda_server::{Body, http::BoxError};
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

type Inner = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// `X-Break: fail` and `X-Break: panic`.
pub(crate) fn breaking(inner: Inner) -> Inner {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let how = request.headers().get("x-break").and_then(|how| how.to_str().ok()).map(str::to_owned);
        // Boxed by name: rustc cannot see through the body's trait object that the plain future is Send.
        let answer: BoxFuture<'static, Result<Response<Body>, BoxError>> =
            inner.clone().oneshot(request).boxed();
        answer.map_ok(|response| match how {
            Some(how) => response.map(|body| broken(body, how)),
            None => response,
        })
    }))
}

fn broken(body: Body, how: String) -> Body {
    let breaks = stream::once(async move {
        if how == "panic" {
            panic!("a body breaks, as asked");
        }
        Err(BoxError::from("the disk is gone, says the secret cause"))
    });
    StreamBody::new(BodyStream::new(body).take(1).chain(breaks)).boxed_unsync()
}
