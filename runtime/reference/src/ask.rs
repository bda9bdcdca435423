//! Questions to the client of a call. In 2025-11-25 and earlier the call waits for the response; in 2026-07-28 its result is the
//! question, and the client repeats the call with the response.
#![expect(deprecated, reason = "SEP-2577 deprecates sampling; clients have it until it is gone")]

use std::time::Duration;

use mcp_lambda_server::McpContext;
use rmcp::{
    RoleServer,
    handler::server::tool::{InputResponses, RequestState},
    model::{
        CreateMessageRequest, CreateMessageRequestParams, CreateMessageResult, ElicitRequest,
        ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, InputRequest,
        InputRequiredResult, SamplingMessage,
    },
    service::{RequestContext, ServiceError},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The key of the question among the responses of the client.
const KEY: &str = "question";
/// The longest time to wait for a response, and the time before the deadline of the call in which its result is written.
const LONGEST: Duration = Duration::from_secs(300);
const MARGIN: Duration = Duration::from_secs(2);

/// What a repeated call carries. Both are empty in the first one, and in 2025-11-25.
pub(crate) struct Repeated {
    state: Option<String>,
    responses: Option<rmcp::model::InputResponses>,
}

impl Repeated {
    pub(crate) fn new(RequestState(state): RequestState, InputResponses(responses): InputResponses) -> Self {
        Self { state, responses }
    }

    /// The response to a question. One to another question is none: what was asked has changed since.
    fn response<T: DeserializeOwned>(&self, question: &str) -> Option<Result<T, String>> {
        let response =
            self.responses.as_ref().filter(|_| self.state.as_deref() == Some(question))?.get(KEY)?;
        let read = serde_json::from_value(response.clone());
        Some(read.map_err(|error| format!("the response of the client is malformed: {error}")))
    }
}

/// What came of a question.
pub(crate) enum Asked<T> {
    Response(T),
    /// The result that asks the client.
    Question(InputRequiredResult),
    /// The client has not declared that it can be asked.
    Unable,
    /// There is no response, and the text is the reason.
    Failed(String),
}

/// Asks the user for a confirmation. `Response(false)` if the user declines.
pub(crate) async fn confirm(
    question: &str,
    repeated: &Repeated,
    context: &RequestContext<RoleServer>,
) -> Asked<bool> {
    let client = context.client_capabilities().and_then(|client| client.elicitation);
    // An empty capability stands for forms.
    if client.is_none_or(|kinds| kinds.form.is_none() && kinds.url.is_some()) {
        return Asked::Unable;
    }
    let form = match form(question) {
        Ok(form) => form,
        Err(error) => return Asked::Failed(error),
    };
    let response = if waits(context) {
        wait(context, context.peer.create_elicitation(form)).await
    } else {
        match repeated.response::<ElicitResult>(question) {
            Some(response) => response,
            None => return ask(InputRequest::Elicitation(ElicitRequest::new(form)), question),
        }
    };
    match response {
        Ok(ElicitResult { action, content, .. }) => {
            let confirmed = content.as_ref().and_then(|content| content.get("confirm"));
            Asked::Response(action == ElicitationAction::Accept && confirmed == Some(&Value::Bool(true)))
        }
        Err(error) => Asked::Failed(error),
    }
}

/// What the model of the client has said.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) model: String,
}

/// Asks the model of the client. `state` names the question in a repeated call.
pub(crate) async fn sample(
    question: &str,
    most_tokens: u32,
    state: &str,
    repeated: &Repeated,
    context: &RequestContext<RoleServer>,
) -> Asked<Said> {
    if context.client_capabilities().is_none_or(|client| client.sampling.is_none()) {
        return Asked::Unable;
    }
    let params = CreateMessageRequestParams::new(vec![SamplingMessage::user_text(question)], most_tokens);
    let response = if waits(context) {
        wait(context, context.peer.create_message(params)).await
    } else {
        match repeated.response::<CreateMessageResult>(state) {
            Some(response) => response,
            None => return ask(InputRequest::CreateMessage(CreateMessageRequest::new(params)), state),
        }
    };
    match response {
        Ok(CreateMessageResult { model, message, .. }) => {
            let text = message.content.first().and_then(|block| block.as_text());
            match text.map(|block| block.text.clone()) {
                Some(text) => Asked::Response(Said { text, model }),
                None => Asked::Failed("the model of the client has returned no text".to_owned()),
            }
        }
        Err(error) => Asked::Failed(error),
    }
}

/// Whether the call can wait for a response.
fn waits(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_none_or(|version| version.has_initialize())
}

fn ask<T>(request: InputRequest, state: &str) -> Asked<T> {
    let requests = [(KEY.to_owned(), request)].into();
    Asked::Question(InputRequiredResult::new(Some(requests), Some(state.to_owned())))
}

async fn wait<T>(
    context: &RequestContext<RoleServer>,
    response: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, String> {
    let limit = context.deadline().map_or(LONGEST, |deadline| deadline.minus(MARGIN).remaining());
    match tokio::time::timeout(limit, response).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(format!("the client has not answered: {error}")),
        Err(_) => Err("the client has not answered in the time of this call: call again".to_owned()),
    }
}

/// A form with one box to tick.
fn form(question: &str) -> Result<ElicitRequestParams, String> {
    let schema = json!({
        "type": "object",
        "properties": { "confirm": { "type": "boolean", "title": "Yes, do it", "default": false } },
        "required": ["confirm"],
    });
    let Value::Object(schema) = schema else { return Err("a schema is an object".to_owned()) };
    let requested_schema = ElicitationSchema::from_json_schema(schema).map_err(|error| error.to_string())?;
    Ok(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: question.to_owned(),
        requested_schema,
    })
}
