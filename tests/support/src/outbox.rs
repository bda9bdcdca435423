//! The endpoint of a queue that keeps what is sent to it: the requests of `SendMessage`, as JSON. A test delivers the messages
//! itself, when and as often as it likes.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// The endpoint. It lives as long as the runtime of the test.
#[derive(Clone)]
pub struct Outbox {
    /// The endpoint, as `AWS_ENDPOINT_URL_SQS` names it.
    pub url: String,
    sent: Arc<Mutex<Vec<Value>>>,
    refuses: Arc<AtomicBool>,
}

impl Outbox {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let outbox = Self { url, sent: Arc::default(), refuses: Arc::default() };
        let owner = TaskTracker::new();
        owner.spawn(outbox.clone().serve(listener, owner.clone()));
        outbox
    }

    /// The URL of the queue.
    pub fn queue_url(&self) -> String {
        format!("{}/123456789012/mcp-tasks", self.url)
    }

    /// The requests that were accepted, oldest first.
    pub fn sent(&self) -> Vec<Value> {
        self.sent.lock().expect("no panic").clone()
    }

    /// Whether requests are refused from now on.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    async fn serve(self, listener: TcpListener, owner: TaskTracker) {
        while let Ok((socket, _)) = listener.accept().await {
            let outbox = self.clone();
            let service = hyper::service::service_fn(move |request| {
                let outbox = outbox.clone();
                async move { outbox.answer(request).await }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            owner.spawn(connection.serve_connection(TokioIo::new(socket), service));
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        assert_eq!(request.headers()["x-amz-target"], "AmazonSQS.SendMessage");
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        if self.refuses.load(Ordering::SeqCst) {
            let denied = json!({ "__type": "com.amazon.coral.service#AccessDenied", "message": "denied" });
            return Ok(response(403, &denied));
        }
        let mut sent = self.sent.lock().expect("no panic");
        sent.push(serde_json::from_slice(&body).expect("JSON"));
        Ok(response(200, &json!({ "MessageId": format!("message-{}", sent.len()) })))
    }
}

fn response(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    response.body(body.to_string().into()).expect("a response")
}
