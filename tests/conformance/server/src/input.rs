//! Input that a result may ask the client for, and the answers that come back with the retry (SEP-2322).
#![expect(deprecated, reason = "deprecated by SEP-2577, and tested until it is gone")]

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer,
    model::{
        ClientCapabilities, CreateMessageRequest, CreateMessageResult, ElicitRequest, ElicitResult,
        ElicitationAction, InputRequest, InputRequiredResult, InputResponses, ListRootsRequest,
        ListRootsResult,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::{elicitation, sampling};

/// The answers of the client, by the key of each input request.
pub(crate) type Answers<'a> = Option<&'a InputResponses>;

/// A form with one field, which has to be filled in.
pub(crate) fn elicit(message: &str, field: &str, kind: &str) -> Result<InputRequest, ErrorData> {
    let schema = json!({ "type": "object", "properties": { field: { "type": kind } }, "required": [field] });
    Ok(InputRequest::Elicitation(ElicitRequest::new(elicitation::form(message, schema)?)))
}

pub(crate) fn sample(question: &str, max_tokens: u32) -> InputRequest {
    InputRequest::CreateMessage(CreateMessageRequest::new(sampling::question(question, max_tokens)))
}

pub(crate) fn list_roots() -> InputRequest {
    InputRequest::ListRoots(ListRootsRequest::default())
}

/// A field of a form that the user accepted. Anything else the client sends counts as no answer.
pub(crate) fn elicited(answers: Answers<'_>, key: &str, field: &str) -> Option<Value> {
    let answer: ElicitResult = serde_json::from_value(answers?.get(key)?.clone()).ok()?;
    let content = answer.content.filter(|_| answer.action == ElicitationAction::Accept)?;
    content.get(field).cloned()
}

pub(crate) fn elicited_text(answers: Answers<'_>, key: &str, field: &str) -> Option<String> {
    elicited(answers, key, field)?.as_str().map(str::to_owned)
}

/// The text of the model's answer.
pub(crate) fn sampled(answers: Answers<'_>, key: &str) -> Option<String> {
    let answer: CreateMessageResult = serde_json::from_value(answers?.get(key)?.clone()).ok()?;
    answer.message.content.first()?.as_text().map(|block| block.text.clone())
}

/// The URIs of the client's roots.
pub(crate) fn listed_roots(answers: Answers<'_>, key: &str) -> Option<Vec<String>> {
    let answer: ListRootsResult = serde_json::from_value(answers?.get(key)?.clone()).ok()?;
    Some(answer.roots.into_iter().map(|root| root.uri).collect())
}

/// Asks for input, or refuses with the capability that the client lacks.
pub(crate) fn required<'a>(
    requests: impl IntoIterator<Item = (&'a str, InputRequest)>,
    state: Option<&str>,
    context: &RequestContext<RoleServer>,
) -> Result<InputRequiredResult, ErrorData> {
    let (keys, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
    require(&requests, context)?;
    let requests = keys.into_iter().map(str::to_owned).zip(requests).collect();
    Ok(InputRequiredResult::new(Some(requests), state.map(str::to_owned)))
}

/// Refuses a client that did not declare the capabilities of these requests: -32021 with the first missing one.
pub(crate) fn require(
    requests: &[InputRequest],
    context: &RequestContext<RoleServer>,
) -> Result<(), ErrorData> {
    let client = context.client_capabilities().unwrap_or_default();
    match requests.iter().find_map(|request| missing(request, &client)) {
        Some(capability) => Err(ErrorData::missing_required_client_capability(capability)),
        None => Ok(()),
    }
}

/// The capability that this request takes and the client does not have. An empty `elicitation` means forms.
pub(crate) fn missing(request: &InputRequest, client: &ClientCapabilities) -> Option<ClientCapabilities> {
    let mut missing = ClientCapabilities::default();
    let declared = match request {
        InputRequest::CreateMessage(_) => {
            missing.sampling = Some(Default::default());
            client.sampling.is_some()
        }
        InputRequest::ListRoots(_) => {
            missing.roots = Some(Default::default());
            client.roots.is_some()
        }
        InputRequest::Elicitation(_) => {
            missing.elicitation = Some(Default::default());
            client.elicitation.as_ref().is_some_and(|kinds| kinds.form.is_some() || kinds.url.is_none())
        }
        _ => false,
    };
    (!declared).then_some(missing)
}
