//! The event source mapping of an SQS queue: it polls the queue, invokes the function with one message at a time, and deletes
//! the messages that the function has not reported as failed.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html> (read 2026-11-27). What fails becomes
//! visible again after the queue's visibility timeout, and its redrive policy counts that.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time};

use crate::{invocation::Invocation, pool::Pool};

/// How long one poll waits for a message, in seconds.
const WAIT_SECONDS: u32 = 5;
/// The pause after a poll that failed, and before a message is tried again that no environment was free for.
const PAUSE: Duration = Duration::from_millis(200);
/// Local endpoints check no signature, but read the account and the region of one.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request, \
                             SignedHeaders=host, Signature=0";

/// A trigger of a function.
#[derive(Clone, Debug)]
pub(crate) struct QueueTrigger {
    pub(crate) pool: Pool,
    /// The URL of the queue, whose host serves the API of SQS.
    pub(crate) queue_url: String,
}

#[derive(Deserialize)]
struct Received {
    #[serde(rename = "Messages", default)]
    messages: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartialFailure {
    #[serde(default)]
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl QueueTrigger {
    /// Polls for as long as the emulator runs.
    pub(crate) async fn run(self) {
        loop {
            match self.receive().await {
                Ok(messages) => {
                    for message in messages {
                        self.serve(message).await;
                    }
                }
                Err(_) => time::sleep(PAUSE).await,
            }
        }
    }

    async fn receive(&self) -> io::Result<Vec<Value>> {
        let received = self.call(
            "ReceiveMessage",
            json!({
                "QueueUrl": self.queue_url,
                "MaxNumberOfMessages": 1,
                "WaitTimeSeconds": WAIT_SECONDS,
                "MessageSystemAttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            }),
        );
        let received: Received = serde_json::from_slice(&received.await?)?;
        Ok(received.messages)
    }

    /// Invokes the function with a message. One that is not deleted becomes visible again.
    async fn serve(&self, message: Value) {
        let event = Bytes::from(json!({ "Records": [record(&message)] }).to_string());
        let answer = loop {
            match self.pool.invoke(Invocation::new(event.clone())).await {
                Ok(answer) => break answer,
                // Lambda scales its pollers down instead.
                Err(_) => time::sleep(PAUSE).await,
            }
        };
        let Ok(payload) = answer.bytes().await else { return };
        // An empty response, or null, is a success.
        let failed = serde_json::from_slice::<Option<PartialFailure>>(&payload);
        let Ok(failed) = failed else { return };
        let id = message["MessageId"].as_str().unwrap_or_default();
        let has_failed = failed
            .is_some_and(|failed| failed.batch_item_failures.iter().any(|item| item.item_identifier == id));
        if !has_failed {
            let receipt = &message["ReceiptHandle"];
            let delete = json!({ "QueueUrl": self.queue_url, "ReceiptHandle": receipt });
            // A message that is not deleted is delivered again, which a function has to bear.
            let _ = self.call("DeleteMessage", delete).await;
        }
    }

    async fn call(&self, action: &str, parameters: Value) -> io::Result<Bytes> {
        let uri: Uri = self.queue_url.parse().map_err(io::Error::other)?;
        let host = uri.authority().ok_or_else(|| io::Error::other("the URL of the queue has no host"))?;
        let socket = TcpStream::connect((host.host(), host.port_u16().unwrap_or(80))).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(io::Error::other)?;
        let request = Request::post("/")
            .header(header::HOST, host.as_str())
            .header(header::AUTHORIZATION, AUTHORIZATION)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{action}"))
            .body(Full::new(Bytes::from(parameters.to_string())))
            .map_err(io::Error::other)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(io::Error::other)?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
            if status == StatusCode::OK {
                Ok(body)
            } else {
                Err(io::Error::other(format!("{action}: {status}")))
            }
        };
        tokio::select! {
            biased;
            response = exchange => response,
            ended = connection => Err(ended.err().map_or_else(|| io::Error::other("closed"), io::Error::other)),
        }
    }
}

/// The record of an event: the message, in the spelling of Lambda.
fn record(message: &Value) -> Value {
    let mut attributes = json!({});
    for (name, attribute) in message["MessageAttributes"].as_object().into_iter().flatten() {
        attributes[name] = json!({
            "stringValue": attribute["StringValue"],
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": attribute["DataType"],
        });
    }
    json!({
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
        "awsRegion": "us-east-1",
    })
}
