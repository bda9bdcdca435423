//! Tools that try the patience of a session-era server.
#![allow(deprecated, reason = "logging, sampling and roots are tested until they are gone")]

use std::time::Duration;

use mcp_lambda_server::{
    Event, Events, Session,
    rmcp::{
        RoleServer,
        model::{
            CallToolRequestParams, ClientResult, ListRootsRequest, LoggingLevel,
            LoggingMessageNotificationParam, ServerRequest,
        },
        service::{PeerRequestOptions, RequestContext},
    },
};
use serde_json::{Value, json};

use super::fixture::Stage;

type Context = RequestContext<RoleServer>;

pub(crate) const NAMES: [&str; 9] =
    ["hum", "panic_later", "deaf", "spam", "flood", "ask_patiently", "ask_twice", "tell_session", "siblings"];

pub(crate) async fn call(stage: &Stage, request: &CallToolRequestParams, context: &Context) -> String {
    let number = |name| request.arguments.as_ref().and_then(|all| all.get(name)).and_then(Value::as_u64);
    match request.name.as_ref() {
        "panic_later" => {
            log(context, LoggingLevel::Info, "before").await;
            panic!("as asked, later")
        }
        "hum" => {
            log(context, LoggingLevel::Emergency, "hm").await;
            super::tools::slow(stage, context).await
        }
        "deaf" => deaf(stage).await,
        "spam" => spam(stage, context).await,
        "flood" => flood(number("messages").unwrap_or_default(), context).await,
        "ask_patiently" => ask_patiently(number("seconds").unwrap_or_default(), context).await,
        "ask_twice" => ask_twice(context).await,
        "tell_session" => {
            tell_session(request.arguments.as_ref().and_then(|all| all.get("uri").cloned()), context).await
        }
        _ => siblings(context).await,
    }
}

async fn log(context: &Context, level: LoggingLevel, text: &str) {
    let message = LoggingMessageNotificationParam::new(level, json!(text));
    context.peer.notify_logging_message(message).await.expect("heard");
}

/// Never answers, and hears no cancellation. Reports `started` and `dropped`.
async fn deaf(stage: &Stage) -> String {
    struct Dropped(Stage);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.report("dropped");
        }
    }
    let _dropped = Dropped(stage.clone());
    stage.report("started");
    std::future::pending().await
}

/// Logs for ever, at a level nobody may want to hear.
async fn spam(stage: &Stage, context: &Context) -> String {
    stage.report("started");
    loop {
        log(context, LoggingLevel::Debug, "again").await;
    }
}

/// Logs so many messages and answers.
async fn flood(messages: u64, context: &Context) -> String {
    for at in 1..=messages {
        log(context, LoggingLevel::Info, &at.to_string()).await;
    }
    "flooded".into()
}

/// Asks for roots and waits so long, anew after each progress.
async fn ask_patiently(seconds: u64, context: &Context) -> String {
    let options = PeerRequestOptions::with_timeout(Duration::from_secs(seconds)).reset_timeout_on_progress();
    let asked = ServerRequest::ListRootsRequest(ListRootsRequest::default());
    let handle = context.peer.send_cancellable_request(asked, options).await.expect("asked");
    match handle.await_response().await {
        Ok(ClientResult::ListRootsResult(roots)) => format!("{} roots", roots.roots.len()),
        other => format!("{other:?}"),
    }
}

/// Asks two things at once and joins the answers in the order of the questions.
async fn ask_twice(context: &Context) -> String {
    let (one, two) = tokio::join!(context.peer.list_roots(), context.peer.list_roots());
    let uri = |roots: Result<mcp_lambda_server::rmcp::model::ListRootsResult, _>| match roots {
        Ok(roots) => roots.roots.into_iter().map(|root| root.uri).collect::<Vec<_>>().join("+"),
        Err(error) => format!("{error}"),
    };
    format!("{},{}", uri(one), uri(two))
}

/// Publishes to the caller's own session: that this resource was updated, or else a log message.
async fn tell_session(uri: Option<Value>, context: &Context) -> String {
    let events = context.extensions.get::<Events>().expect("events");
    let session = context.extensions.get::<Session>().expect("a session");
    let event = match uri.as_ref().and_then(Value::as_str) {
        Some(uri) => Event::ResourceUpdated { uri: uri.into() },
        None => {
            Event::Message { level: LoggingLevel::Error, logger: Some("own".into()), data: json!("to one") }
        }
    };
    events.publish_to(session.id(), event).await.expect("published");
    "told".into()
}

async fn siblings(context: &Context) -> String {
    let session = context.extensions.get::<Session>().expect("a session");
    let siblings = session.siblings(100).await.expect("listed");
    json!(siblings.iter().map(|sibling| sibling.id.as_str()).collect::<Vec<_>>()).to_string()
}
