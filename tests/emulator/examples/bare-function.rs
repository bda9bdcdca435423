//! The function the emulator's own tests run: `lambda_http` and `lambda_runtime` with nothing around them.
//!
//! `FUNCTION` says which: `stream` and `buffered` answer HTTP events through `lambda_http`, `events` answers any event,
//! `init-error`, `init-exit` and `init-hang` do not get that far. A response that has to wait connects to `GATE` (a port
//! of the test), sends its process id, and takes each line as the next chunk, until the test closes the connection.
#![expect(clippy::disallowed_methods, reason = "a function of its own, with its own environment")]

use std::{convert::Infallible, io::Write, net::TcpStream as Blocking, pin::Pin};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use lambda_http::{Body, Error, Request, RequestExt, service_fn};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

type Chunks = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    println!("started");
    match variable("FUNCTION").as_str() {
        "stream" => lambda_http::run_with_streaming_response_concurrent(service_fn(streamed)).await,
        "buffered" => lambda_http::run_concurrent(service_fn(buffered)).await,
        "events" => lambda_runtime::run_concurrent(service_fn(event)).await,
        "graceful" => {
            lambda_runtime::spawn_graceful_shutdown_handler(|| async { println!("going gracefully") }).await;
            lambda_runtime::run_concurrent(service_fn(event)).await
        }
        "init-error" => init_error(),
        "init-exit" => std::process::exit(3),
        "init-hang" => std::future::pending().await,
        other => Err(format!("no function {other}").into()),
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// The error report of a runtime that cannot initialise.
fn init_error() -> Result<(), Error> {
    let body = r#"{"errorType":"Bare.NoConfig","errorMessage":"a variable is missing"}"#;
    let mut api = Blocking::connect(variable("AWS_LAMBDA_RUNTIME_API"))?;
    let length = body.len();
    write!(
        api,
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nhost: api\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    std::io::Read::read(&mut api, &mut [0; 1024])?;
    Err("reported to Lambda".into())
}

async fn streamed(request: Request) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Error> {
    let (parts, chunks) = answer(request).await?.into_parts();
    let body = StreamBody::new(chunks.map(|chunk| Ok(http_body::Frame::data(chunk))));
    Ok(Response::from_parts(parts, body.boxed_unsync()))
}

async fn buffered(request: Request) -> Result<Response<Body>, Error> {
    let (parts, chunks) = answer(request).await?.into_parts();
    let whole = chunks.collect::<Vec<Bytes>>().await.concat();
    let body = match String::from_utf8(whole) {
        Ok(text) => Body::Text(text),
        Err(binary) => Body::Binary(binary.into_bytes()),
    };
    Ok(Response::from_parts(parts, body))
}

async fn answer(request: Request) -> Result<Response<Chunks>, Error> {
    let response = Response::builder();
    let path = request.uri().path().to_owned();
    let nothing: Chunks = Box::pin(stream::empty());
    let once = |bytes: Vec<u8>| -> Chunks { Box::pin(stream::once(async move { Bytes::from(bytes) })) };
    Ok(match request.raw_http_path() {
        "/gated" => response.header(header::CONTENT_TYPE, "text/event-stream").body(gate().await?)?,
        "/unauthorized" => response
            .status(StatusCode::UNAUTHORIZED)
            .header(header::CONTENT_TYPE, "text/plain")
            .header(header::WWW_AUTHENTICATE, "Bearer realm=\"here\"")
            .body(once(b"no".to_vec()))?,
        "/accepted" => response
            .status(StatusCode::ACCEPTED)
            .header(header::CONTENT_TYPE, "application/json")
            .body(nothing)?,
        "/large" => {
            let length = request.query_string_parameters().first("bytes").unwrap_or_default().parse()?;
            response.header(header::CONTENT_TYPE, "text/plain").body(once(vec![b'a'; length]))?
        }
        "/panic" => panic!("as asked"),
        // Any other path echoes the request.
        _ => response
            .header(header::CONTENT_TYPE, header_text(&request, "content-type"))
            .header(header::SET_COOKIE, "a=1")
            .header("x-method", request.method().as_str())
            .header("x-path", path)
            .header("x-query", request.uri().query().unwrap_or_default())
            .header("x-cookie", header_text(&request, "cookie"))
            .body(once(request.into_body().to_vec()))?,
    })
}

fn header_text(request: &Request, name: &str) -> String {
    request
        .headers()
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

/// Chunks as the test hands them out.
async fn gate() -> Result<Chunks, Error> {
    let mut gate = TcpStream::connect(format!("127.0.0.1:{}", variable("GATE"))).await?;
    gate.write_all(format!("{}\n", std::process::id()).as_bytes()).await?;
    Ok(Box::pin(stream::unfold(BufReader::new(gate).lines(), |mut lines| async {
        let line = lines.next_line().await.ok().flatten()?;
        Some((Bytes::from(line), lines))
    })))
}

async fn event(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    match payload.get("do").and_then(Value::as_str) {
        Some("fail") => Err("as asked".into()),
        Some("exit") => std::process::exit(7),
        Some("panic") => panic!("as asked"),
        Some("gate") => {
            let chunks: Vec<Bytes> = gate().await?.collect().await;
            Ok(json!(String::from_utf8_lossy(&chunks.concat())))
        }
        Some("large") => Ok(json!("a".repeat(payload["bytes"].as_u64().unwrap_or_default() as usize))),
        Some("reply") => Ok(payload["reply"].clone()),
        Some("look") => Ok(json!({
            "pid": std::process::id(),
            "requestId": context.request_id,
            "deadline": context.deadline,
            "arn": context.invoked_function_arn,
            "traceId": context.xray_trace_id,
            "clientContext": context.client_context,
            "memory": context.env_config.memory,
            "variables": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
        })),
        // An HTTP event: shown to the test as it arrived, except where a header asks for a reply of the test's making.
        _ => Ok(match reply_of(&payload) {
            Some(reply) => serde_json::from_str(reply)?,
            None => json!({ "statusCode": 200, "body": payload.to_string() }),
        }),
    }
}

fn reply_of(payload: &Value) -> Option<&str> {
    let pointers = ["/headers/x-reply", "/headers/X-Reply", "/multiValueHeaders/x-reply/0"];
    pointers.iter().find_map(|pointer| payload.pointer(pointer)?.as_str())
}
