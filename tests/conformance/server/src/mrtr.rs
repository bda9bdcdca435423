//! Multi round-trip requests of 2026-07-28 (SEP-2322): a fixture that needs the client says what it needs, and is
//! called again with the answers. An answer that is missing or is not what was asked for is asked for again.
//!
//! `requestState` is written and read as plain text: the runtime signs it in results and verifies it in requests.

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, CallToolResponse, GetPromptRequestParams, InputRequest, InputRequiredResult,
    },
    service::RequestContext,
};
use serde_json::Value;

use crate::{
    content,
    input::{self, Answers, elicit, elicited, elicited_text, list_roots, listed_roots, sample, sampled},
};

type Context = RequestContext<RoleServer>;
type Reply = Result<CallToolResponse, ErrorData>;

/// The tools that answer in rounds, none of which has arguments.
pub(crate) const TOOLS: &[(&str, &str)] = &[
    ("test_missing_capability", "Works only for clients that declare sampling"),
    ("test_streaming_elicitation", "Asks the user for a name"),
    ("test_input_required_result_elicitation", "Asks the user for a name"),
    ("test_input_required_result_sampling", "Asks the client's model for a capital"),
    ("test_input_required_result_list_roots", "Asks the client for its roots"),
    ("test_input_required_result_request_state", "Asks for a confirmation and remembers that it did"),
    ("test_input_required_result_multiple_inputs", "Asks user, model and roots at once"),
    ("test_input_required_result_multi_round", "Asks for a name, then for a colour"),
    ("test_input_required_result_tampered_state", "Believes whatever state it is handed"),
    ("test_input_required_result_capabilities", "Asks only for what the client can do"),
];

pub(crate) fn call(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let answers = request.input_responses.as_ref();
    let state = request.request_state.as_deref();
    match request.name.as_ref() {
        "test_missing_capability" => sampling_only(context),
        "test_streaming_elicitation" | "test_input_required_result_elicitation" => name(answers, context),
        "test_input_required_result_sampling" => capital(answers, context),
        "test_input_required_result_list_roots" => roots(answers, context),
        "test_input_required_result_request_state" => confirmation(answers, state, context),
        "test_input_required_result_multiple_inputs" => everything(answers, state, context),
        "test_input_required_result_multi_round" => name_then_colour(answers, state, context),
        "test_input_required_result_tampered_state" => believer(state, context),
        "test_input_required_result_capabilities" => whatever_is_possible(answers, context),
        unknown => Err(ErrorData::invalid_params(format!("Unknown tool: {unknown}"), None)),
    }
}

fn sampling_only(context: &Context) -> Reply {
    input::require(&[sample("", 1)], context)?;
    Ok(content::say("The client declares sampling").into())
}

fn name(answers: Answers<'_>, context: &Context) -> Reply {
    match elicited_text(answers, "user_name", "name") {
        Some(name) => Ok(content::say(format!("Hello, {name}!")).into()),
        None => ask([("user_name", ask_name("What is your name?")?)], None, context),
    }
}

fn capital(answers: Answers<'_>, context: &Context) -> Reply {
    match sampled(answers, "capital_question") {
        Some(text) => Ok(content::say(text).into()),
        None => ask([("capital_question", sample("What is the capital of France?", 100))], None, context),
    }
}

fn roots(answers: Answers<'_>, context: &Context) -> Reply {
    match listed_roots(answers, "client_roots") {
        Some(uris) => Ok(content::say(format!("Roots: {}", uris.join(", "))).into()),
        None => ask([("client_roots", list_roots())], None, context),
    }
}

/// The answer counts only together with the state that it was asked under.
fn confirmation(answers: Answers<'_>, state: Option<&str>, context: &Context) -> Reply {
    const ASKED: &str = "asked for a confirmation";
    match state {
        Some(ASKED) if elicited(answers, "confirm", "ok") == Some(Value::Bool(true)) => {
            Ok(content::say("state-ok").into())
        }
        Some(ASKED) | None => ask([("confirm", ask_confirmation()?)], Some(ASKED), context),
        Some(_) => Err(unknown_state()),
    }
}

/// Trusts any state, so that only the runtime keeps a forged one from a result.
fn believer(state: Option<&str>, context: &Context) -> Reply {
    match state {
        Some(state) => Ok(content::say(format!("Believed: {state}")).into()),
        None => ask([("confirm", ask_confirmation()?)], Some("anything at all"), context),
    }
}

fn everything(answers: Answers<'_>, state: Option<&str>, context: &Context) -> Reply {
    const GATHERING: &str = "gathering";
    if state.is_some_and(|state| state != GATHERING) {
        return Err(unknown_state());
    }
    let name = elicited_text(answers, "user_name", "name");
    let (greeting, uris) = (sampled(answers, "greeting"), listed_roots(answers, "client_roots"));
    if let (Some(_), Some(name), Some(greeting), Some(uris)) = (state, name, greeting, uris) {
        return Ok(content::say(format!("{greeting} {name}, with {} roots", uris.len())).into());
    }
    let requests = [
        ("user_name", ask_name("What is your name?")?),
        ("greeting", sample("Generate a greeting", 50)),
        ("client_roots", list_roots()),
    ];
    ask(requests, Some(GATHERING), context)
}

/// The name of the first round is in the state of the second: no server remembers anything in between.
fn name_then_colour(answers: Answers<'_>, state: Option<&str>, context: &Context) -> Reply {
    const FIRST: &str = "round 1";
    const SECOND: &str = "round 2 of ";
    let known = match state {
        None => None,
        Some(FIRST) => elicited_text(answers, "step1", "name"),
        Some(state) => Some(state.strip_prefix(SECOND).ok_or_else(unknown_state)?.to_owned()),
    };
    let Some(name) = known else {
        return ask([("step1", ask_name("Step 1: What is your name?")?)], Some(FIRST), context);
    };
    match elicited_text(answers, "step2", "color") {
        Some(colour) => Ok(content::say(format!("{name} likes {colour}")).into()),
        None => {
            let colour = elicit("Step 2: What is your favorite color?", "color", "string")?;
            ask([("step2", colour)], Some(&format!("{SECOND}{name}")), context)
        }
    }
}

fn whatever_is_possible(answers: Answers<'_>, context: &Context) -> Reply {
    if answers.is_some_and(|answers| !answers.is_empty()) {
        return Ok(content::say("The client did what it can").into());
    }
    let client = context.client_capabilities().unwrap_or_default();
    let mut requests = vec![
        ("user_name", ask_name("What is your name?")?),
        ("greeting", sample("Generate a greeting", 50)),
        ("client_roots", list_roots()),
    ];
    requests.retain(|(_, request)| input::missing(request, &client).is_none());
    if requests.is_empty() {
        return Ok(content::say("The client cannot be asked anything").into());
    }
    ask(requests, None, context)
}

/// The topic that the user gave, if the user was asked already.
pub(crate) fn prompt_context(request: &GetPromptRequestParams) -> Option<String> {
    elicited_text(request.input_responses.as_ref(), "user_context", "context")
}

pub(crate) fn ask_for_prompt_context(context: &Context) -> Result<InputRequiredResult, ErrorData> {
    let question = elicit("What context should the prompt use?", "context", "string")?;
    input::required([("user_context", question)], None, context)
}

fn ask<'a>(
    requests: impl IntoIterator<Item = (&'a str, InputRequest)>,
    state: Option<&str>,
    context: &Context,
) -> Reply {
    input::required(requests, state, context).map(Into::into)
}

fn ask_name(message: &str) -> Result<InputRequest, ErrorData> {
    elicit(message, "name", "string")
}

fn ask_confirmation() -> Result<InputRequest, ErrorData> {
    elicit("Please confirm", "ok", "boolean")
}

fn unknown_state() -> ErrorData {
    ErrorData::invalid_params("This requestState is not one of this tool's", None)
}
