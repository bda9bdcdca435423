//! Cursors that no list issued.

use mcp_lambda_server::Config;
use serde_json::json;
use test_support::{
    environment, environments, environments_with, refused, result,
    session::{Client, NEWEST},
    stateless,
};

const LISTS: [&str; 4] = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

/// Handlers of rmcp do not read cursors as a rule, and would answer any with their first page.
#[tokio::test(start_paused = true)]
async fn a_cursor_that_was_never_issued_is_invalid_params_on_each_list() {
    for events in [false, true] {
        let world = environments_with(1, |config: &mut Config| config.events.enabled = Some(events));
        let client = Client::open(world.at(0), NEWEST).await;
        for method in LISTS {
            for cursor in ["", "page-3", "event://", "event://a/b", "AAAA"] {
                let page = json!({ "cursor": cursor });
                for post in [stateless(method, page.clone()), client.request(1, method, page.clone())] {
                    let (status, code, body) = refused(post.send(world.at(0)).await).await;
                    assert_eq!((status, code), (200, -32602), "{method} {cursor:?}: {body}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_was_issued_works_on_another_environment() {
    let world = environments(2);
    let first = result(stateless("resources/list", json!({})).send(world.at(0)).await).await;
    let page = json!({ "cursor": first["nextCursor"] });
    let second = result(stateless("resources/list", page.clone()).send(world.at(1)).await).await;
    assert_eq!(second["resources"][0]["uri"], "test://two");
    let client = Client::open(world.at(0), NEWEST).await;
    let second = result(client.request(1, "resources/list", page).send(world.at(1)).await).await;
    assert_eq!(second["resources"][0]["uri"], "test://two");
}

#[tokio::test(start_paused = true)]
async fn a_null_cursor_is_no_cursor() {
    let world = environment();
    for method in LISTS {
        let post = stateless(method, json!({ "cursor": null }));
        result(post.send(world.at(0)).await).await;
    }
}
