//! An endpoint of AWS that keeps the actions it is sent (`x-amz-target`, and a body of JSON), and answers as a test says.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

type Answers = Arc<dyn Fn(&str, &Value) -> Result<Value, &'static str> + Send + Sync>;

/// The endpoint. It lives as long as the runtime of the test.
#[derive(Clone)]
pub struct Actions {
    pub url: String,
    sent: Arc<Mutex<Vec<(String, Value)>>>,
    answers: Arc<Mutex<Answers>>,
}

impl Actions {
    /// Answers the name and the input of an action with a value, or with the code of an error.
    pub async fn open(
        answers: impl Fn(&str, &Value) -> Result<Value, &'static str> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let answers: Answers = Arc::new(answers);
        let actions = Self { url, sent: Arc::default(), answers: Arc::new(Mutex::new(answers)) };
        let owner = TaskTracker::new();
        owner.spawn(actions.clone().serve(listener, owner.clone()));
        actions
    }

    /// Answers otherwise from now on.
    pub fn answer(
        &self,
        answers: impl Fn(&str, &Value) -> Result<Value, &'static str> + Send + Sync + 'static,
    ) {
        *self.answers.lock().expect("no panic") = Arc::new(answers);
    }

    /// The actions since the last look, as `Service.Action` with their input.
    pub fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.sent.lock().expect("no panic"))
    }

    async fn serve(self, listener: TcpListener, owner: TaskTracker) {
        while let Ok((socket, _)) = listener.accept().await {
            let actions = self.clone();
            let service = hyper::service::service_fn(move |request| {
                let actions = actions.clone();
                async move { actions.respond(request).await }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            owner.spawn(connection.serve_connection(TokioIo::new(socket), service));
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        assert!(request.headers().contains_key("authorization"), "a signed request");
        let action = request.headers()["x-amz-target"].to_str().expect("ASCII").to_owned();
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let input: Value = serde_json::from_slice(&body).expect("JSON");
        let answers = Arc::clone(&self.answers.lock().expect("no panic"));
        let answer = answers(&action, &input);
        self.sent.lock().expect("no panic").push((action, input));
        let (status, body) = match answer {
            Ok(output) => (200, output),
            Err(code) => (400, json!({ "__type": code, "message": "as the test says" })),
        };
        let response =
            Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
        Ok(response.body(body.to_string().into()).expect("a response"))
    }
}
