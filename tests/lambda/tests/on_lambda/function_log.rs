//! Secrets that arrive in events are in no line that the function prints, not even when everything is logged.

use local_issuer::{Issuer, Outage, SCOPE, cases};
use serde_json::{Value, json};

use crate::support::*;

const MARK: &str = "planted-5e5a";

#[expect(clippy::disallowed_methods, reason = "the function has no other clock")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Puts secrets wherever an event has room for one.
fn laden(event: &mut Value) {
    for place in ["headers", "queryStringParameters"] {
        if event[place].is_object() {
            for name in ["authorization", "cookie", "x-api-key", "x-authorizer-x", "access_token"] {
                event[place][name] = json!(format!("{MARK}-{name}"));
            }
        }
    }
    if event["multiValueHeaders"].is_object() {
        event["multiValueHeaders"]["authorization"] = json!([format!("Bearer {MARK}")]);
    }
    if event["authorizationToken"].is_string() {
        event["authorizationToken"] = json!(format!("Bearer {MARK}"));
    }
    if event["requestContext"].is_object() {
        event["requestContext"]["authorizer"] = json!({ "lambda": { "secret": MARK }, "secret": MARK, "iam": { "accessKey": MARK, "userId": "AIDA" } });
    }
    if let Some(body) = event["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok()) {
        let mut body = body;
        body["params"]["arguments"]["password"] = json!(MARK);
        event["body"] = json!(body.to_string());
    }
    event["secret"] = json!(MARK);
    event["cookies"] = json!([format!("session={MARK}")]);
}

#[tokio::test]
async fn no_line_of_a_function_holds_a_secret() {
    let issuer = Issuer::start().await.unwrap();
    let open = function()
        .env("RUST_LOG", "trace")
        .env("MCP_STATE_KEYS", "one:cGxhbnRlZC01ZTVhcGxhbnRlZC01ZTVhcGxhbnRlZC01ZTVh");
    let guarded = open
        .clone()
        .env("MCP_JWT_ISSUER", issuer.url())
        .env("MCP_JWT_AUDIENCE", "mcp")
        .env("MCP_JWT_SCOPES", SCOPE);
    let (open, guarded) = (open.start().await.unwrap(), guarded.start().await.unwrap());
    let folder = format!("{}/../fixtures/events", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in &names {
        let event = edited(name.trim_end_matches(".json"), laden);
        for emulator in [&open, &guarded] {
            let _ = emulator.invoke(event.clone(), None).await.unwrap();
            let _ = emulator
                .invoke(event.replace("\"requestContext\"", "\"RequestContext\""), None)
                .await
                .unwrap();
            let cut = &event[..event.len() - 2];
            let _ = emulator.invoke(cut.to_owned(), None).await.unwrap();
        }
    }
    for case in cases(&issuer, now()) {
        let request =
            case.authorization.iter().fold(call("echo", json!({ "message": MARK })), |request, value| {
                request.and_header("authorization", value.as_bytes())
            });
        let _ = request.header("cookie", MARK).path(&format!("/mcp{}", case.query)).send_to(&guarded).await;
    }
    issuer.suffer(Outage::Failing);
    let unknown = issuer.token("ada").header("kid", "unheard").sign();
    let _ =
        call("echo", json!({})).header("authorization", &format!("Bearer {unknown}")).send_to(&guarded).await;
    let lines = logged(&open, "") + logged(&guarded, "");
    assert!(lines > 100, "{lines} lines: nothing was listened to");
    for secret in [MARK, "eyJ", "cGxhbnRlZC01ZTVh", "112, 108, 97, 110, 116, 101, 100"] {
        for emulator in [&open, &guarded] {
            let all = emulator.environments().into_iter().flat_map(|one| emulator.logs(one.id));
            let leaks: Vec<_> = all.filter(|line| line.contains(secret)).collect();
            assert!(leaks.is_empty(), "{secret}: {leaks:#?}");
        }
    }
}
