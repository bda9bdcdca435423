//! Measurements of servers with known times, on a paused clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Load, Measured, Work, measure, report};
use crate::check::{Body, BoxError, Http};

type Answered = Result<Response<Body>, BoxError>;

/// A server of this process: a function from a request to a response.
struct Local<F>(F);

impl<F: Fn(Value) -> BoxFuture<'static, Answered> + Send + Sync> Http for Local<F> {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Answered> {
        (self.0)(serde_json::from_slice(request.body()).expect("a JSON body"))
    }
}

fn answer(asked: &Value, result: &Value) -> Response<Body> {
    let body = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }).to_string();
    Response::new(Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync())
}

fn work() -> Work {
    Work::stateless("http://127.0.0.1:1/mcp", "server/discover", json!({})).expect("a URL")
}

async fn measured(
    load: Load,
    server: impl Fn(Value) -> BoxFuture<'static, Answered> + Send + Sync + 'static,
) -> Measured {
    measure(Arc::new(Local(server)), &work(), &load, |_| {}).await
}

const STALL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(2));

/// A server that answers in a millisecond, but answers nothing in its second second.
fn stalling() -> impl Fn(Value) -> BoxFuture<'static, Answered> + Send + Sync {
    let began = Instant::now();
    move |asked| {
        Box::pin(async move {
            let at = began.elapsed();
            if (STALL.0..STALL.1).contains(&at) {
                sleep_until(began + STALL.1).await;
            }
            sleep(Duration::from_millis(1)).await;
            Ok(answer(&asked, &json!({})))
        })
    }
}

fn at_rate(concurrency: usize) -> Load {
    Load { rate: Some(100.0), duration: Some(Duration::from_secs(3)), concurrency, ..Load::default() }
}

fn near(found: f64, expected: f64, by: f64) -> bool {
    (found - expected).abs() <= by
}

#[tokio::test(start_paused = true)]
async fn requests_that_a_stall_delays_are_slow_in_the_percentiles() {
    let measured = measured(at_rate(200), stalling()).await;
    assert_eq!((measured.requests, measured.succeeded, measured.unsent), (300, 300, 0));
    // A third of the requests fell into the stall, and waited for its end: from a second down to nothing.
    let latency = &measured.latency;
    assert!(latency.quantile(0.6) < 5.0, "{}", latency.quantile(0.6));
    assert!(near(latency.quantile(5.0 / 6.0), 500.0, 15.0), "{}", latency.quantile(5.0 / 6.0));
    assert!(near(latency.quantile(0.99), 970.0, 15.0), "{}", latency.quantile(0.99));
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_as_long_when_one_request_at_a_time_is_all_that_may_run() {
    let measured = measured(at_rate(1), stalling()).await;
    assert_eq!((measured.requests, measured.unsent), (300, 0));
    // From the times at which requests were to begin, those behind the one that stalled are slow as well ...
    assert!(
        near(measured.latency.quantile(5.0 / 6.0), 500.0, 80.0),
        "{}",
        measured.latency.quantile(5.0 / 6.0)
    );
    // ... but from the times at which they did begin, one request of three hundred was slow, and no percentile shows it.
    assert!(measured.service.quantile(0.99) < 5.0, "{}", measured.service.quantile(0.99));
    assert!(measured.service.max() > 990.0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_too_slow_for_the_rate_leaves_requests_unsent() {
    let slow = |asked: Value| -> BoxFuture<'static, Answered> {
        Box::pin(async move {
            sleep(Duration::from_millis(100)).await;
            Ok(answer(&asked, &json!({})))
        })
    };
    let load = Load { timeout: Duration::from_secs(2), ..at_rate(1) };
    let measured = measured(load, slow).await;
    // Ten requests per second, for three seconds and the two of the time limit.
    assert!((45..=55).contains(&measured.requests), "{}", measured.requests);
    assert_eq!(measured.unsent, 300 - measured.requests);
    assert!(report::text(&measured).contains("had no time to begin"));
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_sends_as_many_as_were_asked_for_and_never_more_at_once() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let server = move |asked: Value| -> BoxFuture<'static, Answered> {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        Box::pin(async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(20)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(answer(&asked, &json!({})))
        })
    };
    let measured = measured(Load { requests: Some(57), concurrency: 4, ..Load::default() }, server).await;
    assert_eq!((measured.requests, seen.load(Ordering::SeqCst)), (57, 4));
    assert!(near(measured.latency.quantile(0.5), 20.0, 1.0));
    assert_eq!(measured.each_second.iter().sum::<u64>(), 57);
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_by_their_kind_and_not_in_the_latency() {
    let server = |asked: Value| -> BoxFuture<'static, Answered> {
        Box::pin(async move {
            match asked["id"].as_u64().expect("an id") % 5 {
                0 => Ok(answer(&asked, &json!({}))),
                1 => Ok(answer(&asked, &json!({ "isError": true }))),
                2 => {
                    let mut response = answer(&asked, &json!({}));
                    *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
                    Ok(response)
                }
                3 => Err("connection refused".into()),
                _ => std::future::pending().await,
            }
        })
    };
    let measured = measured(Load { requests: Some(50), ..Load::default() }, server).await;
    let kinds: Vec<_> = measured.failures.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(
        kinds,
        [("HTTP 429", 10), ("isError", 10), ("network: connection refused", 10), ("time-out", 10)]
    );
    assert_eq!((measured.succeeded, measured.latency.len()), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn the_first_event_of_a_stream_and_cold_starts_are_told_apart() {
    let server = |asked: Value| -> BoxFuture<'static, Answered> {
        Box::pin(async move {
            let is_cold = asked["id"].as_u64().expect("an id") < 2;
            sleep(Duration::from_millis(if is_cold { 300 } else { 10 })).await;
            let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {} });
            let result = json!({ "structuredContent": { "metrics": { "cold": is_cold } } });
            let last = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result });
            let events = stream::iter([(0, progress), (50, last)]).then(|(wait, message)| async move {
                sleep(Duration::from_millis(wait)).await;
                Ok::<_, BoxError>(hyper::body::Frame::data(Bytes::from(format!("data: {message}\n\n"))))
            });
            let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(events)));
            let kind = http::HeaderValue::from_static("text/event-stream");
            response.headers_mut().insert("content-type", kind);
            Ok(response)
        })
    };
    let measured = measured(Load { requests: Some(20), concurrency: 2, ..Load::default() }, server).await;
    assert!(near(measured.first_event.quantile(0.5), 10.0, 1.0), "{}", measured.first_event.quantile(0.5));
    assert!(near(measured.latency.quantile(0.5), 60.0, 1.0), "{}", measured.latency.quantile(0.5));
    assert_eq!((measured.cold.len(), measured.warm), (2, 18));
    assert!(measured.cold.min() >= 349.0);
}

#[tokio::test(start_paused = true)]
async fn a_report_in_json_is_read_back_for_a_comparison() {
    let measured = measured(at_rate(200), stalling()).await;
    let again: Measured =
        serde_json::from_str(&report::json(&measured).expect("JSON")).expect("a measurement");
    for share in [0.5, 0.9, 0.99, 1.0] {
        assert!(near(again.latency.quantile(share), measured.latency.quantile(share), 1.0));
    }
    let page = report::html(&measured);
    assert!(page.contains("<svg") && !page.contains("<script"), "charts, and no script");
}
