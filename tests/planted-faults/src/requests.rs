//! Faults of what is asked: a request is changed before the server behind sees it, or answered without it.

use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::{asked::Asked, fault::Fault, memory::Memory};

/// A status and a body that the server behind has nothing to do with.
pub(crate) type Answered = (StatusCode, Value);

const EXTENSION: &str = "io.modelcontextprotocol/tasks";
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// Answers a request in place of the server.
pub(crate) fn instead(fault: Fault, asked: &Asked, memory: &mut Memory) -> Option<Answered> {
    let ok = |result: Value| {
        Some((StatusCode::OK, json!({ "jsonrpc": "2.0", "id": asked.body["id"], "result": result })))
    };
    let refused = |code: i64| {
        let error = json!({ "code": code, "message": "planted" });
        Some((StatusCode::BAD_REQUEST, json!({ "jsonrpc": "2.0", "id": asked.body["id"], "error": error })))
    };
    let is_batch = asked.body.is_array();
    match fault {
        Fault::NotificationAnswered if is_notification(asked) => Some((StatusCode::OK, json!({}))),
        Fault::ParseErrorIs500 if is_garbage(asked) => Some((StatusCode::INTERNAL_SERVER_ERROR, json!({}))),
        Fault::BatchAnswered if is_batch => Some((StatusCode::OK, json!([]))),
        Fault::NullIdAnswered if has_null_id(asked) => ok(json!({ "resultType": "complete" })),
        Fault::UnknownMethodAnswered if asked.rpc() == "mcp-lambda/unknown" => {
            ok(json!({ "resultType": "complete" }))
        }
        Fault::ClientInfoRequired
            if asked.is_stateless() && is_message(asked) && lacks_client_info(asked) =>
        {
            refused(-32602)
        }
        Fault::EncodedNameLiteral if asked.header("mcp-name").is_some_and(|name| name.starts_with("=?")) => {
            refused(-32020)
        }
        Fault::PingInStateless if asked.is_stateless() && asked.rpc() == "ping" => {
            ok(json!({ "resultType": "complete" }))
        }
        Fault::UnknownToolAnswered if asked.tool() == "mcp-lambda-none" && is_named(asked) => {
            ok(json!({ "resultType": "complete", "content": [] }))
        }
        Fault::ArgumentsUnchecked if asked.body["params"]["arguments"]["message"].is_object() => {
            ok(json!({ "resultType": "complete", "content": [] }))
        }
        Fault::DeleteIgnored if asked.is_delete() && asked.session().is_some() => {
            Some((StatusCode::OK, Value::Null))
        }
        Fault::LateNotFound if asked.is_delete() && asked.session().is_some() => {
            memory.dying.insert(asked.session()?.to_owned());
            Some((StatusCode::OK, Value::Null))
        }
        Fault::AnswersByIdAlone => answer_of_another(asked, memory),
        Fault::TasksListExists if asked.rpc() == "tasks/list" => {
            ok(json!({ "resultType": "complete", "tasks": [] }))
        }
        Fault::TaskNotDurable
            if asked.rpc() == "tasks/get" && memory.starters.contains_key(&asked.task()) =>
        {
            if memory.read.insert(asked.task()) { refused(-32602) } else { None }
        }
        Fault::CancelEndedRefused
            if asked.rpc() == "tasks/cancel" && memory.ended.contains(&asked.task()) =>
        {
            refused(-32602)
        }
        Fault::GetWithoutToken if asked.is_get() && asked.header("authorization").is_none() => {
            Some((StatusCode::METHOD_NOT_ALLOWED, Value::Null))
        }
        Fault::NoMetadata if asked.uri.path().starts_with("/.well-known") => {
            Some((StatusCode::NOT_FOUND, Value::Null))
        }
        _ => None,
    }
}

fn is_notification(asked: &Asked) -> bool {
    asked.body.get("method").is_some() && asked.body.get("id").is_none()
}

fn is_message(asked: &Asked) -> bool {
    asked.body.get("method").is_some()
}

fn has_another_version(asked: &Asked) -> bool {
    asked.body["params"]["_meta"][VERSION].is_string() && !is_known_version(asked)
}

fn is_garbage(asked: &Asked) -> bool {
    asked.method == Method::POST && asked.body.is_null()
}

fn has_null_id(asked: &Asked) -> bool {
    asked.body.get("id").is_some_and(Value::is_null)
}

fn lacks_client_info(asked: &Asked) -> bool {
    asked.body["params"]["_meta"].get("io.modelcontextprotocol/clientInfo").is_none()
}

/// Whether a call of the unknown tool has nothing else that is wrong.
fn is_named(asked: &Asked) -> bool {
    !asked.is_stateless() || asked.header("mcp-name") == Some("mcp-lambda-none")
}

/// The list of tools of another session, for a `ping` with the id of its request.
fn answer_of_another(asked: &Asked, memory: &mut Memory) -> Option<Answered> {
    if asked.rpc() == "initialize" {
        memory.list = None;
    }
    let (id, session, list) = memory.list.as_ref()?;
    let is_other = asked.session().is_some_and(|one| one != session);
    (asked.rpc() == "ping" && is_other && *id == asked.body["id"]).then(|| (StatusCode::OK, list.clone()))
}

/// Changes a request before the server behind reads it.
pub(crate) fn before(fault: Fault, asked: &mut Asked, memory: &Memory) {
    if let Some(known) = asked.session().and_then(|id| memory.sessions.get(id)).cloned() {
        asked.set("mcp-session-id", &known);
    }
    match fault {
        Fault::MetaOptional if asked.is_stateless() && is_message(asked) => complete_meta(asked),
        Fault::VersionHeaderIgnored if asked.is_stateless() && is_known_version(asked) => {
            asked.set("mcp-protocol-version", crate::asked::STATELESS);
        }
        Fault::UnknownVersionAccepted if asked.is_stateless() && has_another_version(asked) => {
            asked.set("mcp-protocol-version", crate::asked::STATELESS);
            asked.edit(|body| body["params"]["_meta"][VERSION] = json!(crate::asked::STATELESS));
        }
        Fault::MethodHeaderIgnored if asked.is_stateless() => {
            let method = asked.rpc().to_owned();
            asked.set("mcp-method", &method);
        }
        Fault::NameHeaderIgnored if asked.is_stateless() && !asked.tool().is_empty() => {
            let name = asked.tool().to_owned();
            asked.set("mcp-name", &name);
        }
        Fault::TaskNameHeaderIgnored if asked.rpc() == "tasks/get" => {
            let task = asked.task();
            asked.set("mcp-name", &task);
        }
        Fault::ParamHeaderIgnored if asked.tool() == "lookup" && asked.is_stateless() => {
            let region = asked.body["params"]["arguments"]["region"].as_str().unwrap_or_default().to_owned();
            asked.set("mcp-param-region", &region);
        }
        Fault::SessionVersionIgnored
            if !asked.is_stateless() && asked.header("mcp-protocol-version") == Some("1999-01-01") =>
        {
            asked.set("mcp-protocol-version", "2025-11-25");
        }
        Fault::OriginAccepted => {
            asked.headers.remove("origin");
        }
        Fault::CursorLoops if asked.body["params"]["cursor"] == "planted" => without_cursor(asked),
        Fault::AnyCursor => without_cursor(asked),
        _ => before_of_state(fault, asked, memory),
    }
}

/// Changes a request to a session, a task or a subscription, or its token.
fn before_of_state(fault: Fault, asked: &mut Asked, memory: &Memory) {
    match fault {
        Fault::ReplayToAnotherSession if asked.is_resume() => {
            if let Some((session, _)) =
                asked.header("last-event-id").and_then(|id| memory.events.get(id)).cloned()
            {
                asked.set("mcp-session-id", &session);
            }
        }
        Fault::TasksWithoutDeclaration if asked.rpc().starts_with("tasks/") => declare(asked),
        Fault::TaskUnasked if asked.tool() == "steps" && asked.token().is_none() && asked.is_stateless() => {
            declare(asked);
        }
        Fault::AnyTextIsToken => accept(asked, memory, |token, _| !token.contains('.')),
        Fault::UnsignedToken => accept(asked, memory, |token, _| token.ends_with('.')),
        Fault::SignatureUnchecked => accept(asked, memory, |token, good| {
            token.rsplit_once('.').map(|(signed, _)| signed)
                == good.rsplit_once('.').map(|(signed, _)| signed)
        }),
        Fault::QueryToken => {
            let token =
                asked.uri.query().and_then(|query| query.strip_prefix("access_token=")).map(str::to_owned);
            if let Some(token) = token {
                asked.set("authorization", &format!("Bearer {token}"));
            }
        }
        Fault::SessionOfAnyone if !asked.is_delete() => {
            act_as(asked, asked.session().and_then(|id| memory.owners.get(id)).cloned());
        }
        Fault::DeleteOfAnyone if asked.is_delete() => {
            act_as(asked, asked.session().and_then(|id| memory.owners.get(id)).cloned());
        }
        Fault::TaskOfAnyone => act_as(asked, memory.starters.get(&asked.task()).cloned()),
        Fault::ListenWithoutFilter
            if asked.rpc() == "subscriptions/listen"
                && asked.body["params"].get("notifications").is_none() =>
        {
            asked.edit(|body| body["params"]["notifications"] = json!({}));
        }
        _ => {}
    }
}

fn is_known_version(asked: &Asked) -> bool {
    asked.body["params"]["_meta"][VERSION] == crate::asked::STATELESS
}

fn complete_meta(asked: &mut Asked) {
    asked.edit(|body| {
        for (key, value) in [
            (VERSION, json!(crate::asked::STATELESS)),
            ("io.modelcontextprotocol/clientCapabilities", json!({})),
        ] {
            if body["params"]["_meta"].get(key).is_none() {
                body["params"]["_meta"][key] = value;
            }
        }
    });
}

fn without_cursor(asked: &mut Asked) {
    if asked.body["params"].get("cursor").is_some() {
        asked.edit(|body| {
            if let Some(params) = body["params"].as_object_mut() {
                params.remove("cursor");
            }
        });
    }
}

fn declare(asked: &mut Asked) {
    asked.edit(|body| {
        body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            json!({ "extensions": { EXTENSION: {} } });
    });
}

/// Puts a valid token in the place of one that `is_taken` for valid.
fn accept(asked: &mut Asked, memory: &Memory, is_taken: impl Fn(&str, &str) -> bool) {
    let token =
        asked.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
    let good = token.and_then(|token| memory.tokens.iter().find(|good| is_taken(&token, good)));
    act_as(asked, good.map(|good| format!("Bearer {good}")));
}

fn act_as(asked: &mut Asked, authorization: Option<String>) {
    if let Some(value) = authorization {
        asked.headers.insert("authorization", HeaderValue::from_str(&value).expect("a header value"));
    }
}
