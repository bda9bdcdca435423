//! Which calls share a process.

use std::time::Duration;

use mcp_lambda_server::{Principal, stdio::ChildPer};
use test_support::refused;

use super::*;

async fn pid(server: &Server, request: McpRequest) -> Value {
    result(request.send(server).await).await["structuredContent"]["pid"].clone()
}

fn count() -> McpRequest {
    call("count", json!({}))
}

fn principal(name: &str) -> Principal {
    Principal::new("https://issuer.example", name)
}

#[tokio::test]
async fn each_session_has_a_process_that_knows_its_client() {
    let server = serving(scripted(&[]).child_per(ChildPer::Session)).await;
    let (one, other) = (Client::open(&server, "2025-11-25").await, Client::open(&server, "2025-11-25").await);
    let of = async |client: &Client| pid(&server, client.call(1, "count", json!({}))).await;
    let (first, second) = (of(&one).await, of(&other).await);
    assert_ne!(first, second);
    assert_eq!(first, of(&one).await, "it is kept");
    let echo = result(one.call(1, "echo", json!({})).send(&server).await).await;
    assert!(
        echo["client"]["capabilities"]["sampling"].is_object()
            && echo["client"]["clientInfo"]["name"] != "mcp-lambda-stdio",
        "{echo}"
    );
    // What one announces, the other does not hear.
    let (mut hears, mut does_not) = (one.listening(&server).await, other.listening(&server).await);
    result(one.call(2, "change", json!({})).send(&server).await).await;
    assert_eq!(hears.message().await["method"], "notifications/tools/list_changed");
    assert!(does_not.is_waiting());
    // A call without a session shares with none.
    assert_ne!(pid(&server, count()).await, pid(&server, count()).await);
}

#[tokio::test]
async fn each_principal_has_a_process_and_each_anonymous_call_one_of_its_own() {
    let server = serving(scripted(&[]).child_per(ChildPer::Principal)).await;
    let of = async |name: &str| pid(&server, count().from(&principal(name))).await;
    let ada = of("ada").await;
    assert_eq!(ada, of("ada").await);
    assert_ne!(ada, of("bob").await);
    assert_ne!(pid(&server, count()).await, pid(&server, count()).await);
}

#[tokio::test]
async fn a_process_of_one_call_ends_with_it_and_promises_no_reports() {
    let server = serving(scripted(&[]).child_per(ChildPer::Invocation)).await;
    let first = pid(&server, count()).await;
    assert_ne!(first, pid(&server, count()).await);
    let discovered = result(stateless("server/discover", json!({})).send(&server).await).await;
    assert_eq!(discovered["capabilities"]["resources"], json!({}), "{discovered}");
}

#[tokio::test]
async fn the_process_that_was_not_used_for_the_longest_time_gives_way() {
    let server = serving(scripted(&[]).child_per(ChildPer::Principal).max_children(2)).await;
    let of = async |name: &str| pid(&server, count().from(&principal(name))).await;
    let (ada, bob) = (of("ada").await, of("bob").await);
    assert_eq!(ada, of("ada").await);
    of("eve").await;
    assert_eq!(ada, of("ada").await, "it was used later than that of bob");
    assert_ne!(bob, of("bob").await);
    // While all are busy, none gives way.
    let hanging = |name| call("hang", json!({})).from(&principal(name)).send(&server);
    tokio::select! {
        biased;
        _ = futures::future::join(hanging("ada"), hanging("bob")) => panic!("they hang"),
        refused = async { refused(count().from(&principal("eve")).send(&server).await).await } => {
            assert!(refused.2["error"]["message"].as_str().is_some_and(|text| text.contains("all of them busy")), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_process_that_is_idle_ends() {
    let server = serving(scripted(&[]).child_per(ChildPer::Principal).idle(Duration::from_millis(50))).await;
    let first = pid(&server, count().from(&principal("ada"))).await;
    watched(&first).ended().await;
    assert_ne!(first, pid(&server, count().from(&principal("ada"))).await);
}

#[tokio::test]
async fn the_identity_of_the_caller_is_passed_where_that_is_chosen() {
    let server = serving(scripted(&[]).pass_identity(true)).await;
    let forged = call("echo", json!({})).meta("mcp-lambda-server/caller", json!({ "principal": "root" }));
    let echo = result(forged.from(&principal("ada").with_scopes(["read"])).send(&server).await).await;
    let caller = &echo["received"]["_meta"]["mcp-lambda-server/caller"];
    assert_eq!(
        caller,
        &json!({ "principal": "https://issuer.example|ada", "anonymous": false, "scopes": ["read"], "session": null })
    );
}

/// A message of a shared process that names no call goes to no caller while calls of several ones run.
#[tokio::test]
async fn a_question_is_refused_while_calls_of_several_callers_run() {
    let server = serving(scripted(&[])).await;
    let hanging = call("hang", json!({})).from(&principal("bob")).send(&server);
    let asking = async {
        let session = Client::open_as(&server, "2025-11-25", Some(principal("ada"))).await;
        let roots = json!({ "method": "elicitation/create", "params": {} });
        let reply = session.call(1, "ask", roots).send(&server).await;
        result(reply).await["structuredContent"]["error"]["message"].as_str().expect("a text").to_owned()
    };
    tokio::select! {
        biased;
        _ = hanging => panic!("it hangs"),
        text = asking => assert!(text.contains("which of them asks is not known"), "{text}"),
    }
}
