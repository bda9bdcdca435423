//! The smallest function there is: `lambda_http`, streaming, one constant answer.
//!
//! `bench-hello default` runs on tokio's default runtime, as `#[tokio::main]` would; `bench-hello current-thread` on
//! one thread. One binary for both, so that nothing else differs.

use lambda_http::{Body, Error, Request, Response, run_with_streaming_response, service_fn};
use tokio::runtime::Builder;

fn main() -> Result<(), Error> {
    let mut builder = match std::env::args().nth(1).as_deref() {
        Some("current-thread") => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build()?.block_on(run_with_streaming_response(service_fn(hello)))
}

async fn hello(_: Request) -> Result<Response<Body>, Error> {
    let body = Body::from(r#"{"message":"hello, world"}"#);
    Ok(Response::builder().header("content-type", "application/json").body(body)?)
}
