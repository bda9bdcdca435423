//! Requests of a child for the client of a call.
//!
//! | child | client | how the client is asked |
//! |---|---|---|
//! | up to 2025-11-25 | up to 2025-11-25 | on the stream of the call, as the child asks |
//! | 2026-07-28 | 2026-07-28 | by the result that asks, as the child wrote it |
//! | 2026-07-28 | up to 2025-11-25 | on the stream of the call; the child is then called again with the answers |
//! | up to 2025-11-25 | 2026-07-28 | by a result that asks; the child is then called again, and its questions are answered |

use std::collections::BTreeMap;

use rmcp::{
    ErrorData, Peer, RoleServer, ServiceError,
    model::{
        ClientCapabilities, CustomRequest, ErrorCode, InputRequest, InputRequests, InputRequiredResult,
        ServerRequest,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The largest state that a client carries from one round to the next, in bytes.
const LARGEST_STATE: usize = 32 * 1024;
/// How many questions a call may ask.
const MOST: usize = 32;

/// Refuses a question that the client cannot answer, by its name.
pub(crate) fn check(method: &str, declared: Option<&ClientCapabilities>) -> Result<(), ErrorData> {
    let none = ClientCapabilities::default();
    let declared = declared.unwrap_or(&none);
    let (is_declared, capability) = match method {
        "sampling/createMessage" => (declared.sampling.is_some(), "sampling"),
        "elicitation/create" => (declared.elicitation.is_some(), "elicitation"),
        "roots/list" => (declared.roots.is_some(), "roots"),
        // The client itself says whether it knows another method.
        _ => return Ok(()),
    };
    if is_declared {
        return Ok(());
    }
    let text = format!("{method}: the client of this call does not declare {capability}");
    Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, text, None))
}

/// Asks a client of a revision up to 2025-11-25.
pub(crate) async fn ask(
    peer: &Peer<RoleServer>,
    method: String,
    params: Option<Value>,
) -> Result<Value, ErrorData> {
    check(&method, peer.peer_info().as_ref().map(|client| &client.capabilities))?;
    let request = ServerRequest::CustomRequest(CustomRequest::new(method.clone(), without_token(params)));
    match peer.send_request(request).await {
        Ok(answer) => serde_json::to_value(answer).map_err(|error| {
            ErrorData::internal_error(format!("{method}: the answer is no JSON: {error}"), None)
        }),
        Err(ServiceError::McpError(error)) => Err(error),
        Err(error) => {
            Err(ErrorData::internal_error(format!("{method}: the client cannot be asked: {error}"), None))
        }
    }
}

/// The progress of a client is not passed on: its token would be another one.
fn without_token(mut params: Option<Value>) -> Option<Value> {
    if let Some(Value::Object(meta)) = params.as_mut().and_then(|params| params.get_mut("_meta")) {
        meta.remove("progressToken");
    }
    params
}

/// The requests of a result that asks: each with its key.
pub(crate) fn of_result(result: &Value) -> Vec<(String, String, Option<Value>)> {
    let requests = result["inputRequests"].as_object().into_iter().flatten();
    let read = requests.filter_map(|(key, request)| {
        Some((key.clone(), request["method"].as_str()?.to_owned(), request.get("params").cloned()))
    });
    read.take(MOST).collect()
}

/// The questions of a child to a client of 2026-07-28, and the answers of its earlier rounds.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    answers: Map<String, Value>,
    asked: usize,
    open: InputRequests,
}

/// What the client carries.
#[derive(Serialize, Deserialize)]
struct Carried {
    answers: Map<String, Value>,
}

impl Questions {
    /// Reads the answers that a request brings: those of earlier rounds, and those of the last one.
    pub(crate) fn of(
        state: Option<&str>,
        responses: Option<&BTreeMap<String, Value>>,
    ) -> Result<Self, ErrorData> {
        let mut answers = match state {
            None => Map::new(),
            Some(state) => {
                let carried: Carried = serde_json::from_str(state).map_err(|_| {
                    ErrorData::invalid_params("requestState is none that this server has issued", None)
                })?;
                carried.answers
            }
        };
        answers.extend(responses.into_iter().flatten().map(|(key, answer)| (key.clone(), answer.clone())));
        Ok(Self { answers, asked: 0, open: InputRequests::new() })
    }

    /// The answer to the next question, if the client has given it. `None`: the client is to be asked.
    pub(crate) fn answer(
        &mut self,
        method: &str,
        params: Option<Value>,
        declared: Option<&ClientCapabilities>,
    ) -> Option<Result<Value, ErrorData>> {
        if let Err(refused) = check(method, declared) {
            return Some(Err(refused));
        }
        self.asked += 1;
        // The same question has the same number in each round, as the call is the same.
        let key = format!("{}:{method}", self.asked);
        if let Some(answer) = self.answers.get(&key) {
            return Some(Ok(answer.clone()));
        }
        let request =
            json!({ "method": method, "params": without_token(params).unwrap_or_else(|| json!({})) });
        match serde_json::from_value::<InputRequest>(request) {
            Ok(request) if self.asked <= MOST => {
                self.open.insert(key, request);
                None
            }
            Ok(_) => {
                let text = format!("{method}: a call may ask its client {MOST} times");
                Some(Err(ErrorData::invalid_request(text, None)))
            }
            Err(error) => {
                let text = format!("{method}: 2026-07-28 has no such request to a client ({error})");
                Some(Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, text, None)))
            }
        }
    }

    /// Whether the client has to be asked.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The result that asks the client.
    pub(crate) fn result(self) -> Result<InputRequiredResult, ErrorData> {
        let carried = Carried { answers: self.answers };
        let state = serde_json::to_string(&carried).unwrap_or_default();
        if state.len() > LARGEST_STATE {
            let text = format!(
                "the answers of the client have {} bytes together, and a call of 2026-07-28 carries at most {LARGEST_STATE}",
                state.len()
            );
            return Err(ErrorData::invalid_params(text, None));
        }
        let mut result = InputRequiredResult::from_request_state(state);
        result.input_requests = Some(self.open);
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> ClientCapabilities {
        serde_json::from_value(json!({ "elicitation": {}, "roots": {} })).expect("capabilities")
    }

    fn form(message: &str) -> Option<Value> {
        Some(json!({ "message": message, "requestedSchema": { "type": "object", "properties": {} } }))
    }

    #[test]
    fn a_question_is_asked_once_and_answered_when_the_call_is_repeated() {
        let declared = declared();
        let mut first = Questions::of(None, None).expect("no state");
        assert!(first.answer("elicitation/create", form("name?"), Some(&declared)).is_none());
        let result = first.result().expect("a result");
        let (state, requests) =
            (result.request_state.expect("state"), result.input_requests.expect("requests"));
        let key = requests.keys().next().expect("a key").clone();

        let given = BTreeMap::from([(key, json!({ "action": "accept" }))]);
        let mut second = Questions::of(Some(&state), Some(&given)).expect("the state of this server");
        let answer = second.answer("elicitation/create", form("name?"), Some(&declared));
        assert_eq!(answer.and_then(Result::ok), Some(json!({ "action": "accept" })));
        assert!(second.answer("roots/list", None, Some(&declared)).is_none(), "another question is asked");
        let state = second.result().expect("a result").request_state.expect("state");
        let mut third = Questions::of(Some(&state), None).expect("the state of this server");
        assert!(
            third
                .answer("elicitation/create", form("name?"), Some(&declared))
                .is_some_and(|answer| answer.is_ok())
        );
    }

    #[test]
    fn a_question_that_the_client_cannot_answer_is_refused_by_its_name() {
        let mut questions = Questions::of(None, None).expect("no state");
        let refused = questions.answer("sampling/createMessage", Some(json!({})), Some(&declared()));
        let error = refused.and_then(Result::err).expect("an error");
        assert!(error.message.contains("does not declare sampling"), "{}", error.message);
        let unknown =
            questions.answer("x/y", None, Some(&declared())).and_then(Result::err).expect("an error");
        assert!(unknown.message.starts_with("x/y: 2026-07-28 has no such request"), "{}", unknown.message);
        assert!(!questions.is_open());
    }

    #[test]
    fn answers_beyond_what_a_client_carries_are_refused() {
        let answers = BTreeMap::from([("1:roots/list".to_owned(), json!("x".repeat(LARGEST_STATE)))]);
        let questions = Questions::of(None, Some(&answers)).expect("no state");
        assert!(questions.result().is_err());
        assert!(Questions::of(Some("{"), None).is_err());
    }
}
