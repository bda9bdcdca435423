//! Requests of a child for the client of a call.
//!
//! | child | client | how the client is asked |
//! |---|---|---|
//! | up to 2025-11-25 | up to 2025-11-25 | on the stream of the call, as the child asks |
//! | 2026-07-28 | 2026-07-28 | by the result that asks, as the child wrote it |
//! | 2026-07-28 | up to 2025-11-25 | on the stream of the call; the child is then called again with the answers |
//! | up to 2025-11-25 | 2026-07-28 | by a result that asks; the call is suspended, and goes on with the answer |
//! | up to 2025-11-25 | 2026-07-28, elsewhere | the child is called again, and its questions are answered at once |

use std::collections::BTreeMap;

use mcp_lambda_core::tasks::TaskHandle;
use rmcp::{
    ErrorData, Peer, RoleServer, ServiceError,
    model::{
        ClientCapabilities, ClientRequest, CustomRequest, ErrorCode, InputRequest, InputRequests,
        InputRequiredResult, ServerRequest,
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

/// Asks the client of a task, which answers at any time: a key is that of the same question in each attempt of the task.
pub(crate) async fn ask_of_task(
    task: &TaskHandle,
    key: &str,
    method: &str,
    request: InputRequest,
) -> Result<Value, ErrorData> {
    let refused = |error| {
        ErrorData::internal_error(format!("{method}: the client of the task cannot be asked: {error}"), None)
    };
    task.request_input(key, request).await.map_err(refused)
}

/// A request to a client as 2026-07-28 writes it.
pub(crate) fn input_request(method: &str, params: Option<Value>) -> Result<InputRequest, ErrorData> {
    let request = json!({ "method": method, "params": without_token(params).unwrap_or_else(|| json!({})) });
    serde_json::from_value(request).map_err(|error| {
        let text = format!("{method}: 2026-07-28 has no such request to a client ({error})");
        ErrorData::new(ErrorCode::METHOD_NOT_FOUND, text, None)
    })
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

/// What a request brings of earlier rounds: the state, and the answers to the last questions.
pub(crate) fn carried(request: &ClientRequest) -> (Option<&str>, Option<&BTreeMap<String, Value>>) {
    let (state, responses) = match request {
        ClientRequest::CallToolRequest(call) => (&call.params.request_state, &call.params.input_responses),
        ClientRequest::GetPromptRequest(get) => (&get.params.request_state, &get.params.input_responses),
        ClientRequest::ReadResourceRequest(read) => {
            (&read.params.request_state, &read.params.input_responses)
        }
        _ => return (None, None),
    };
    (state.as_deref(), responses.as_ref())
}

/// The name of the suspended call that a request goes on with, if its state has one.
pub(crate) fn suspended_call(request: &ClientRequest) -> Option<String> {
    let carried: Carried = serde_json::from_str(carried(request).0?).ok()?;
    carried.call
}

/// The questions of a child to a client of 2026-07-28, and the answers of its earlier rounds.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    answers: Map<String, Value>,
    asked: usize,
    open: Vec<Question>,
    /// Whether the client has been asked in an earlier round.
    is_repeated: bool,
}

/// A question that the client is to answer.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The key of the question, the same whenever the call is made again.
    pub(crate) key: String,
    /// The id of the child's request.
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) request: InputRequest,
}

/// What the client carries.
#[derive(Serialize, Deserialize)]
struct Carried {
    answers: Map<String, Value>,
    /// The name of the suspended call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<String>,
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
        Ok(Self { answers, is_repeated: state.is_some(), ..Self::default() })
    }

    /// Whether the client has been asked in an earlier round.
    pub(crate) fn is_repeated(&self) -> bool {
        self.is_repeated
    }

    /// The answer to the next question of the child, if the client has given it, or why it is not asked. `None`: the client is to be
    /// asked.
    pub(crate) fn answer(
        &mut self,
        id: &Value,
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
        if self.asked > MOST {
            let text = format!("{method}: a call may ask its client {MOST} times");
            return Some(Err(ErrorData::invalid_request(text, None)));
        }
        let request = match input_request(method, params) {
            Ok(request) => request,
            Err(refused) => return Some(Err(refused)),
        };
        self.open.push(Question { key, id: id.clone(), method: method.to_owned(), request });
        None
    }

    /// Takes the open questions that these answers are for, each with its answer.
    pub(crate) fn answered(&mut self, responses: Option<&BTreeMap<String, Value>>) -> Vec<(Value, Value)> {
        let mut answered = Vec::new();
        let Some(responses) = responses else { return answered };
        self.open.retain(|question| match responses.get(&question.key) {
            Some(answer) => {
                self.answers.insert(question.key.clone(), answer.clone());
                answered.push((question.id.clone(), answer.clone()));
                false
            }
            None => true,
        });
        answered
    }

    /// Takes out an open question that was answered in another way.
    pub(crate) fn close(&mut self, key: &str) {
        self.open.retain(|question| question.key != key);
    }

    /// Whether the client has to be asked.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The questions that the client has to answer.
    pub(crate) fn open(&self) -> &[Question] {
        &self.open
    }

    /// The requests of the child that have no answer, each with its method.
    pub(crate) fn open_requests(&self) -> impl Iterator<Item = (&Value, &str)> {
        self.open.iter().map(|question| (&question.id, question.method.as_str()))
    }

    /// The result that asks the client. `call`: the name of the suspended call.
    pub(crate) fn result(&self, call: Option<&str>) -> Result<InputRequiredResult, ErrorData> {
        let carried = Carried { answers: self.answers.clone(), call: call.map(str::to_owned) };
        let state = serde_json::to_string(&carried).unwrap_or_default();
        if state.len() > LARGEST_STATE {
            let text = format!(
                "the answers of the client have {} bytes together, and a call of 2026-07-28 carries at most {LARGEST_STATE}",
                state.len()
            );
            return Err(ErrorData::invalid_params(text, None));
        }
        let mut result = InputRequiredResult::from_request_state(state);
        let open = self.open.iter().map(|question| (question.key.clone(), question.request.clone()));
        result.input_requests = Some(open.collect::<InputRequests>());
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
        assert!(first.answer(&json!(7), "elicitation/create", form("name?"), Some(&declared)).is_none());
        let result = first.result(None).expect("a result");
        let (state, requests) =
            (result.request_state.expect("state"), result.input_requests.expect("requests"));
        let key = requests.keys().next().expect("a key").clone();

        let given = BTreeMap::from([(key, json!({ "action": "accept" }))]);
        let mut second = Questions::of(Some(&state), Some(&given)).expect("the state of this server");
        let answer = second.answer(&json!(7), "elicitation/create", form("name?"), Some(&declared));
        assert_eq!(answer.and_then(Result::ok), Some(json!({ "action": "accept" })));
        assert!(
            second.answer(&json!(8), "roots/list", None, Some(&declared)).is_none(),
            "another question is asked"
        );
        let state = second.result(None).expect("a result").request_state.expect("state");
        let mut third = Questions::of(Some(&state), None).expect("the state of this server");
        assert!(
            third
                .answer(&json!(7), "elicitation/create", form("name?"), Some(&declared))
                .is_some_and(|answer| answer.is_ok())
        );
    }

    #[test]
    fn a_question_that_the_client_cannot_answer_is_refused_by_its_name() {
        let mut questions = Questions::of(None, None).expect("no state");
        let refused =
            questions.answer(&json!(7), "sampling/createMessage", Some(json!({})), Some(&declared()));
        let error = refused.and_then(Result::err).expect("an error");
        assert!(error.message.contains("does not declare sampling"), "{}", error.message);
        let unknown = questions
            .answer(&json!(7), "x/y", None, Some(&declared()))
            .and_then(Result::err)
            .expect("an error");
        assert!(unknown.message.starts_with("x/y: 2026-07-28 has no such request"), "{}", unknown.message);
        assert!(!questions.is_open());
    }

    #[test]
    fn an_open_question_is_closed_by_its_own_answer_and_the_others_stay_open() {
        let mut questions = Questions::of(None, None).expect("no state");
        for id in [7, 8] {
            assert!(
                questions.answer(&json!(id), "elicitation/create", form("?"), Some(&declared())).is_none()
            );
        }
        let given = BTreeMap::from([
            ("2:elicitation/create".to_owned(), json!({ "action": "decline" })),
            ("9:elicitation/create".to_owned(), json!({ "action": "accept" })),
        ]);
        assert_eq!(questions.answered(Some(&given)), [(json!(8), json!({ "action": "decline" }))]);
        let open: Vec<_> = questions.open_requests().collect();
        assert_eq!(open, [(&json!(7), "elicitation/create")]);
        // What was answered is carried on, for a process that has to ask again.
        let state = questions.result(Some("a call")).expect("a result").request_state.expect("state");
        assert!(state.contains("2:elicitation/create") && !state.contains("9:"), "{state}");
        assert!(state.contains("\"call\":\"a call\""), "{state}");
    }

    #[test]
    fn answers_beyond_what_a_client_carries_are_refused() {
        let answers = BTreeMap::from([("1:roots/list".to_owned(), json!("x".repeat(LARGEST_STATE)))]);
        let questions = Questions::of(None, Some(&answers)).expect("no state");
        assert!(questions.result(None).is_err());
        assert!(Questions::of(Some("{"), None).is_err());
    }
}
