//! Faults of what is answered: heads, and messages whether they come alone or in a stream.

use http::{HeaderValue, StatusCode, header, response::Parts};
use serde_json::{Value, json};

use crate::{asked::Asked, fault::Fault, memory::Memory};

/// Damages the head of a response.
pub(crate) fn head(fault: Fault, asked: &Asked, parts: &mut Parts, memory: &mut Memory) {
    let headers = &mut parts.headers;
    match fault {
        Fault::WrongMediaType if is_json(headers.get(header::CONTENT_TYPE)) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        Fault::UnknownMethodIs200 if asked.is_stateless() && parts.status == StatusCode::NOT_FOUND => {
            parts.status = StatusCode::OK;
        }
        Fault::SessionIdInStateless if asked.is_stateless() => {
            headers.insert("mcp-session-id", HeaderValue::from_static("planted"));
        }
        Fault::GetInStateless if asked.is_get() && asked.is_stateless() => parts.status = StatusCode::OK,
        Fault::NoVary => {
            headers.remove(header::VARY);
        }
        Fault::NoCacheControl => {
            headers.remove(header::CACHE_CONTROL);
        }
        Fault::NoAccelBuffering => {
            headers.remove("x-accel-buffering");
        }
        Fault::MissingIdIs404
            if asked.session().is_none()
                && parts.status == StatusCode::BAD_REQUEST
                && is_of_session(asked) =>
        {
            parts.status = StatusCode::NOT_FOUND;
        }
        Fault::UnknownSessionIs400 if parts.status == StatusCode::NOT_FOUND && !is_given(asked, memory) => {
            parts.status = StatusCode::BAD_REQUEST;
        }
        Fault::NoChallenge => {
            headers.remove(header::WWW_AUTHENTICATE);
        }
        Fault::ChallengeWithoutMetadata if parts.status == StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"planted\""));
        }
        _ => {}
    }
    remember_session(fault, asked, parts, memory);
}

fn is_json(value: Option<&HeaderValue>) -> bool {
    value.is_some_and(|value| value == "application/json")
}

fn is_of_session(asked: &Asked) -> bool {
    !asked.is_stateless() && asked.rpc() == "tools/list"
}

fn is_given(asked: &Asked, memory: &Memory) -> bool {
    asked.session().is_none_or(|id| memory.given.contains(id))
}

/// Remembers a new session, under the id that its client is given.
fn remember_session(fault: Fault, asked: &Asked, parts: &mut Parts, memory: &mut Memory) {
    let Some(id) = parts.headers.get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned)
    else {
        return;
    };
    memory.opened += 1;
    let shown = match fault {
        Fault::IdWithBlank => format!("planted {id}"),
        Fault::NumberedIds => memory.opened.to_string(),
        _ => id.clone(),
    };
    if shown != id {
        parts.headers.insert("mcp-session-id", HeaderValue::from_str(&shown).expect("a header value"));
        memory.sessions.insert(shown.clone(), id.clone());
    }
    memory.given.insert(shown);
    if let Some(owner) = asked.header("authorization") {
        memory.owners.insert(id, owner.to_owned());
    }
}

/// Damages a response or a notification. What it returns is sent in its place.
pub(crate) fn message(fault: Fault, asked: &Asked, mut message: Value, memory: &mut Memory) -> Vec<Value> {
    remember(asked, &message, memory);
    if message.get("error").is_some() {
        error(fault, asked, &mut message);
        return vec![message];
    }
    if message["method"] == "notifications/progress" {
        return progress(fault, message);
    }
    if message.get("result").is_none() {
        return vec![message];
    }
    match fault {
        Fault::IdAsText if message["id"].is_i64() => message["id"] = json!(message["id"].to_string()),
        Fault::ProgressUnasked if asked.tool() == "steps" && asked.token().is_none() => {
            return vec![a_progress(&json!("planted"), 1), message];
        }
        Fault::ProgressAfterResponse if asked.token().is_some() => {
            let late = a_progress(asked.token().unwrap_or(&Value::Null), 100);
            return vec![message, late];
        }
        Fault::RequestInStateless if asked.is_stateless() && asked.token().is_some() => {
            return vec![json!({ "jsonrpc": "2.0", "id": "planted", "method": "ping" }), message];
        }
        Fault::ReplayWithoutResponse if asked.is_resume() => return Vec::new(),
        Fault::EmptyHeld if asked.rpc() == "subscriptions/listen" => return Vec::new(),
        _ => result(fault, asked, &mut message["result"], memory),
    }
    vec![message]
}

fn a_progress(token: &Value, progress: i64) -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progressToken": token, "progress": progress } })
}

fn remember(asked: &Asked, message: &Value, memory: &mut Memory) {
    let result = &message["result"];
    if message["method"] == "notifications/progress" {
        memory.last_progress = Some(message.clone());
    }
    if result["resultType"] == "task"
        && let Some(id) = result["taskId"].as_str()
    {
        memory.starters.insert(id.to_owned(), asked.header("authorization").unwrap_or_default().to_owned());
    }
    if asked.rpc() == "tools/list"
        && let Some(session) = asked.session()
    {
        memory.list = Some((asked.body["id"].clone(), session.to_owned(), message.clone()));
    }
}

fn error(fault: Fault, asked: &Asked, message: &mut Value) {
    let code = message["error"]["code"].as_i64().unwrap_or_default();
    match fault {
        Fault::ResultBesideError if asked.rpc() == "mcp-lambda/unknown" => message["result"] = json!({}),
        Fault::IdAsText if message["id"].is_i64() => message["id"] = json!(message["id"].to_string()),
        Fault::VersionErrorWithoutData if code == -32022 => {
            message["error"]["data"] = Value::Null;
        }
        Fault::MissingResourceEmpty if asked.rpc() == "resources/read" => {
            *message = json!({ "jsonrpc": "2.0", "id": message["id"], "result": { "resultType": "complete", "contents": [] } });
        }
        Fault::OldResourceCode if asked.rpc() == "resources/read" => message["error"]["code"] = json!(-32002),
        Fault::UnknownTaskAnswered
            if asked.rpc() == "tasks/get" && asked.task() == "mcp-lambda-none" && code == -32602 =>
        {
            let task = json!({ "resultType": "complete", "taskId": asked.task(), "status": "working" });
            *message = json!({ "jsonrpc": "2.0", "id": message["id"], "result": task });
        }
        _ => {}
    }
}

fn progress(fault: Fault, mut message: Value) -> Vec<Value> {
    let params = &mut message["params"];
    match fault {
        Fault::ProgressBackwards => {
            params["progress"] = json!(10.0 - params["progress"].as_f64().unwrap_or_default());
        }
        Fault::ProgressTokenAsText if params["progressToken"].is_i64() => {
            params["progressToken"] = json!(params["progressToken"].to_string());
        }
        Fault::DoubledEvent => return vec![message.clone(), message],
        _ => {}
    }
    vec![message]
}

fn result(fault: Fault, asked: &Asked, result: &mut Value, memory: &mut Memory) {
    match (fault, asked.rpc()) {
        (Fault::DiscoverWithoutVersions, "server/discover") => remove(result, "supportedVersions"),
        (Fault::OldTasksCapability, "server/discover") => {
            result["capabilities"]["tasks"] = json!({ "list": {} });
        }
        (Fault::NoResultType, method)
            if !method.starts_with("tasks/") && result["resultType"] == "complete" =>
        {
            remove(result, "resultType");
        }
        (Fault::NoServerInfo, _) => remove(&mut result["_meta"], "io.modelcontextprotocol/serverInfo"),
        (Fault::NoCacheHints, "server/discover" | "tools/list" | "resources/list") => remove(result, "ttlMs"),
        (Fault::UnknownVersionEchoed, "initialize") => {
            result["protocolVersion"] = asked.body["params"]["protocolVersion"].clone();
        }
        (Fault::PingWithContent, "ping") => result["pong"] = json!(true),
        (_, "tools/list") => tools(fault, asked, result, memory),
        (_, "tools/call") => call(fault, asked, result),
        (_, "tasks/get") => task(fault, asked, result, memory),
        _ => {}
    }
}

fn remove(value: &mut Value, field: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
}

fn tools(fault: Fault, asked: &Asked, list: &mut Value, memory: &mut Memory) {
    memory.lists += 1;
    let is_odd = memory.lists % 2 == 1;
    let Some(tools) = list["tools"].as_array_mut() else { return };
    let find = |name: &str| tools.iter().position(|tool| tool["name"] == name).unwrap_or_default();
    let (echo, convert) = (find("echo"), find("convert"));
    match fault {
        Fault::NoInputSchema => remove(&mut tools[echo], "inputSchema"),
        Fault::DoubledTool => tools.push(tools[echo].clone()),
        Fault::CursorLoops => list["nextCursor"] = json!("planted"),
        Fault::OrderChanges if is_odd && asked.is_stateless() => tools.reverse(),
        Fault::BrokenSchema => tools[echo]["inputSchema"]["properties"]["message"]["type"] = json!("strnig"),
        Fault::HeaderOnNumber => {
            tools[convert]["inputSchema"]["properties"]["celsius"]["x-mcp-header"] = json!("Celsius");
        }
        _ => {}
    }
}

fn call(fault: Fault, asked: &Asked, result: &mut Value) {
    match (fault, asked.tool()) {
        (Fault::ContentIsText, "echo") => result["content"] = json!("test"),
        (Fault::OutputMissesSchema, "convert") => {
            result["structuredContent"] = json!({ "fahrenheit": "warm" });
            result["content"] = json!([{ "type": "text", "text": "{\"fahrenheit\":\"warm\"}" }]);
        }
        (Fault::NoStructuredText, "convert") => result["content"] = json!([]),
        (Fault::TaskNested, "steps") if result["resultType"] == "task" => {
            let mut task = result.clone();
            remove(&mut task, "resultType");
            *result = json!({ "resultType": "task", "task": task });
        }
        (Fault::TaskWithoutTtl, "steps") => remove(result, "ttlMs"),
        _ => {}
    }
}

fn task(fault: Fault, asked: &Asked, result: &mut Value, memory: &mut Memory) {
    let has_ended = result["status"] == "completed";
    let is_again = has_ended && !memory.ended.insert(asked.task());
    match fault {
        Fault::GetSaysTask => result["resultType"] = json!("task"),
        Fault::TaskBackwards if is_again => {
            result["status"] = json!("working");
            remove(result, "result");
        }
        Fault::TaskWithoutResult => remove(result, "result"),
        _ => {}
    }
}
