//! Events as files, and the response of an invocation.

use bytes::Bytes;
use lambda_emulator::{Answer, FunctionError, Outcome};
use serde_json::Value;
use tokio::time::timeout;

use super::SOON;

/// By which a runtime announces an HTTP prelude.
const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

/// An event as it lies in `tests/fixtures/events`.
pub(crate) fn fixture(name: &str) -> String {
    let path = format!("{}/../fixtures/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// An event with something changed.
pub(crate) fn edited(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut event = serde_json::from_str(&fixture(name)).unwrap();
    change(&mut event);
    event.to_string()
}

/// The client context that comes with the event `name`.
pub(crate) fn client_context(name: &str) -> String {
    fixture(&format!("{name}.client-context"))
}

/// The answer to an invocation, to its end.
#[derive(Debug, PartialEq)]
pub(crate) enum InvocationAnswer {
    /// A prelude, eight NUL bytes, and the bytes behind them.
    Streamed { head: Value, body: Bytes },
    /// One JSON payload.
    Whole(Value),
    /// A function error: its type and its text.
    Failed(String, String),
}

pub(crate) async fn answer_of(answer: Answer) -> InvocationAnswer {
    timeout(SOON, read(answer)).await.expect("the answer did not end")
}

async fn read(answer: Answer) -> InvocationAnswer {
    match answer.outcome {
        Outcome::Failed(FunctionError { kind, payload }) => {
            let error: Value = serde_json::from_slice(&payload).unwrap();
            InvocationAnswer::Failed(kind, error["errorMessage"].as_str().unwrap().to_owned())
        }
        Outcome::Buffered(payload) => InvocationAnswer::Whole(serde_json::from_slice(&payload).unwrap()),
        Outcome::Streaming(mut streaming) => {
            assert_eq!(streaming.content_type.as_deref(), Some(HTTP_INTEGRATION));
            let mut whole = Vec::new();
            while let Some(chunk) = streaming.body.next().await {
                whole.extend_from_slice(&chunk.unwrap());
            }
            let end = whole.iter().position(|byte| *byte == 0).expect("a prelude ends with NUL bytes");
            let (head, rest) = whole.split_at(end);
            let body = rest.strip_prefix(&[0; 8]).expect("eight NUL bytes");
            assert!(!body.is_empty(), "a stream must not be empty");
            InvocationAnswer::Streamed {
                head: serde_json::from_slice(head).unwrap(),
                body: Bytes::copy_from_slice(body),
            }
        }
    }
}

impl InvocationAnswer {
    /// The body, streamed or whole.
    pub(crate) fn body(&self) -> String {
        match self {
            Self::Streamed { body, .. } => String::from_utf8(body.to_vec()).unwrap(),
            Self::Whole(payload) => {
                payload["body"].as_str().unwrap_or_else(|| panic!("{payload}")).to_owned()
            }
            Self::Failed(kind, text) => panic!("{kind}: {text}"),
        }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body()).unwrap()
    }

    pub(crate) fn status(&self) -> u64 {
        match self {
            Self::Streamed { head, .. } => head["statusCode"].as_u64().unwrap(),
            Self::Whole(payload) => payload["statusCode"].as_u64().unwrap(),
            Self::Failed(kind, text) => panic!("{kind}: {text}"),
        }
    }

    /// The type and text of a function error.
    pub(crate) fn error(self) -> (String, String) {
        match self {
            Self::Failed(kind, text) => (kind, text),
            other => panic!("not an error: {other:?}"),
        }
    }
}
