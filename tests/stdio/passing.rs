//! What passes between a client and a server of the stdio transport, in every pair of eras.

use test_support::text;

use super::*;

/// The result of a request of a session, or of one of 2026-07-28.
async fn of(server: &Server, client: Option<&Client>, method: &str, params: Value) -> Value {
    let request = match client {
        Some(client) => client.request(7, method, params),
        None => stateless(method, params),
    };
    response(request.send(server).await).await
}

/// The whole response: that of a stream is its last message.
async fn response(mut reply: Reply) -> Value {
    if !reply.is_stream() {
        return serde_json::from_slice(&reply.bytes().await).expect("JSON");
    }
    let mut last = Value::Null;
    while let Some(event) = reply.event_after_comments().await {
        if event.is_message() {
            last = event.json();
        }
    }
    last
}

#[tokio::test]
async fn every_method_passes_in_every_pair_of_eras_with_fields_that_no_type_knows() {
    for (speaks, server) in in_both_eras().await {
        let session = Client::open(&server, "2025-11-25").await;
        for client in [Some(&session), None] {
            let of = async |method, params| of(&server, client, method, params).await["result"].clone();
            let tools = of("tools/list", json!({})).await;
            assert_eq!(
                (&tools["tools"][0]["unknown"], &tools["later"]),
                (&json!({ "kept": true }), &json!(1)),
                "{speaks}"
            );
            assert_eq!(
                (tools["nextCursor"].as_str(), tools["tools"][0].get("execution")),
                (Some("2"), None),
                "{tools}"
            );
            let second = of("tools/list", json!({ "cursor": "2" })).await;
            assert_eq!(second["tools"][1]["name"], "crash", "{second}");
            let echo =
                of("tools/call", json!({ "name": "echo", "arguments": { "message": "hi" }, "more": [1] }))
                    .await;
            assert_eq!(
                (&echo["content"][0]["text"], &echo["received"]["more"]),
                (&json!("hi"), &json!([1])),
                "{echo}"
            );
            assert_eq!(of("resources/list", json!({})).await["resources"][0]["unknown"], 1);
            assert_eq!(
                of("resources/templates/list", json!({})).await["resourceTemplates"][0]["name"],
                "any"
            );
            assert_eq!(
                of("resources/read", json!({ "uri": "scripted://one" })).await["contents"][0]["unknown"],
                json!([1])
            );
            assert_eq!(of("prompts/list", json!({})).await["prompts"][0]["name"], "greet");
            let prompt = of("prompts/get", json!({ "name": "greet", "arguments": { "who": "ada" } })).await;
            assert_eq!(prompt["messages"][0]["content"]["text"], "ada");
            let reference = json!({ "ref": { "type": "ref/prompt", "name": "greet" }, "argument": { "name": "who", "value": "a" } });
            let completion = of("completion/complete", reference).await["completion"].clone();
            assert_eq!(completion, json!({ "values": ["a", "b"], "total": 2, "unknown": 1 }));
            assert_eq!(of("scripted/echo", json!({ "x": [null] })).await["params"]["x"], json!([null]));
        }
    }
}

#[tokio::test]
async fn errors_pass_with_their_code_their_text_and_their_data() {
    for (speaks, server) in in_both_eras().await {
        let session = Client::open(&server, "2025-11-25").await;
        for client in [Some(&session), None] {
            let of = async |method, params| of(&server, client, method, params).await;
            let unknown = of("tools/call", json!({ "name": "nothing" })).await["error"].clone();
            assert_eq!(
                (&unknown["code"], &unknown["message"]),
                (&json!(-32602), &json!("Unknown tool: nothing")),
                "{speaks}"
            );
            assert_eq!(unknown["data"]["of"], "the server");
            let missing = of("resources/read", json!({ "uri": "scripted://none" })).await["error"].clone();
            let code = if client.is_some() && speaks == "2025-11-25" { -32002 } else { -32602 };
            assert_eq!(missing["code"], code, "{speaks}");
            assert_eq!(of("scripted/nothing", json!({})).await["error"]["code"], -32601);
            let failed = of("tools/call", json!({ "name": "fails" })).await["result"].clone();
            assert_eq!((&failed["isError"], &failed["why"]), (&json!(true), &json!("asked for")));
        }
    }
}

#[tokio::test]
async fn the_server_is_described_as_it_describes_itself() {
    for (speaks, server) in in_both_eras().await {
        let discovered = result(stateless("server/discover", json!({})).send(&server).await).await;
        let of_2025 = test_support::request::initialize_request("2025-11-25", json!({})).send(&server).await;
        let initialized = result(of_2025).await;
        assert_eq!(
            initialized["serverInfo"],
            json!({ "name": "scripted", "version": "1.2.3", "title": "Scripted" }),
            "{speaks}"
        );
        assert_eq!(discovered["_meta"]["io.modelcontextprotocol/serverInfo"], initialized["serverInfo"]);
        for described in [&discovered, &initialized] {
            assert_eq!(described["instructions"], "Do what a test asks for");
            let capabilities = &described["capabilities"];
            assert_eq!(
                (&capabilities["experimental"]["scripted"]["x"], &capabilities["tools"]["listChanged"]),
                (&json!(1), &json!(true))
            );
        }
    }
}

#[tokio::test]
async fn a_result_has_what_its_era_requires_and_nothing_of_the_other() {
    for (speaks, server) in in_both_eras().await {
        let listed = result(stateless("tools/list", json!({})).send(&server).await).await;
        let hints = if speaks == "2026-07-28" { json!([1000, "public"]) } else { json!([0, "private"]) };
        assert_eq!(json!([listed["ttlMs"], listed["cacheScope"]]), hints);
        assert_eq!(
            (&listed["resultType"], &listed["_meta"]["io.modelcontextprotocol/serverInfo"]["name"]),
            (&json!("complete"), &json!("scripted"))
        );
        let session = Client::open(&server, "2025-06-18").await;
        let listed = of(&server, Some(&session), "tools/list", json!({})).await["result"].clone();
        for key in ["resultType", "ttlMs", "cacheScope", "_meta"] {
            assert_eq!(listed.get(key), None, "{speaks}: {key}");
        }
    }
}

#[tokio::test]
async fn metadata_of_a_request_reaches_the_server_in_the_form_of_its_era() {
    for (speaks, server) in in_both_eras().await {
        let session = Client::open(&server, "2025-11-25").await;
        let params = json!({ "name": "echo", "_meta": { "traceparent": "00-1", "x/y": 1, "mcp-lambda-server/caller": "forged" } });
        for client in [Some(&session), None] {
            let result = of(&server, client, "tools/call", params.clone()).await["result"].clone();
            let meta = &result["received"]["_meta"];
            assert_eq!((&meta["traceparent"], &meta["x/y"]), (&json!("00-1"), &json!(1)), "{speaks}");
            assert_eq!(meta.get("mcp-lambda-server/caller"), None, "a client cannot say who it is");
            let version = meta.get("io.modelcontextprotocol/protocolVersion").and_then(Value::as_str);
            assert_eq!(version, (speaks == "2026-07-28").then_some("2026-07-28"), "{meta}");
        }
    }
}

#[tokio::test]
async fn progress_and_log_messages_come_before_the_result_with_the_token_of_the_client() {
    for (speaks, server) in in_both_eras().await {
        let session = Client::open(&server, "2025-11-25").await;
        let meta = json!({ "progressToken": "mine", "io.modelcontextprotocol/logLevel": "info" });
        let params = json!({ "name": "progress", "_meta": meta });
        let requests: [McpRequest; 2] =
            [session.request(9, "tools/call", params.clone()), stateless("tools/call", params)];
        for request in requests {
            let messages = request.send(&server).await.messages().await;
            let progress: Vec<_> =
                messages.iter().filter(|message| message["method"] == "notifications/progress").collect();
            assert_eq!(progress.len(), 3, "{speaks}: {messages:?}");
            assert_eq!(
                progress[2]["params"],
                json!({ "progressToken": "mine", "progress": 3.0, "total": 3.0, "message": "working" })
            );
            let logged =
                messages.iter().filter(|message| message["method"] == "notifications/message").count();
            assert!(logged >= 3, "{speaks}: {messages:?}");
            assert_eq!(messages.last().expect("a response")["result"]["content"][0]["text"], "done");
        }
    }
}

#[tokio::test]
async fn notifications_of_unknown_methods_pass_both_ways() {
    let server = serving(scripted(&[])).await;
    let session = Client::open(&server, "2025-11-25").await;
    let messages = session.call(1, "custom", json!({})).send(&server).await.messages().await;
    assert_eq!(
        messages[0],
        json!({ "jsonrpc": "2.0", "method": "notifications/scripted", "params": { "x": 1 } })
    );
    let accepted = session.notification("notifications/ours", json!({ "y": 2 })).send(&server).await;
    assert_eq!(accepted.status, 202);
    let echo = of(&server, Some(&session), "scripted/echo", json!({})).await;
    assert_eq!(echo["result"]["notified"][0]["params"], json!({ "y": 2 }), "{echo}");
}

#[tokio::test]
async fn a_client_that_cancels_or_leaves_cancels_the_call_of_the_server() {
    for (speaks, server) in in_both_eras().await {
        let cancelled = async || {
            structured(&server, "cancelled", json!({})).await["cancelled"].as_array().map_or(0, Vec::len)
        };
        let session = Client::open(&server, "2025-11-25").await;
        let hanging = session.call(5, "hang", json!({})).send(&server);
        let cancelling = async {
            // The server reads requests in their order: it has the one that hangs when it answers another one.
            structured(&server, "count", json!({})).await;
            session.cancel(5).send(&server).await
        };
        let (reply, _) = futures::join!(hanging, cancelling);
        assert!(reply.messages().await.is_empty(), "{speaks}: a request that was cancelled has no response");
        assert_eq!(cancelled().await, 1, "{speaks}");
        // A client of 2026-07-28 cancels by leaving.
        let leaving = call("hang", json!({})).send(&server);
        tokio::select! {
            biased;
            _ = leaving => panic!("it hangs"),
            _ = structured(&server, "count", json!({})) => {}
        }
        assert_eq!(cancelled().await, 2, "{speaks}");
    }
}

#[tokio::test]
async fn what_the_server_announces_reaches_the_streams_of_its_clients() {
    for (speaks, server) in in_both_eras().await {
        let session = Client::open(&server, "2025-11-25").await;
        let mut stream = session.listening(&server).await;
        let subscribed =
            session.request(1, "resources/subscribe", json!({ "uri": "scripted://one" })).send(&server).await;
        assert_eq!(result(subscribed).await, json!({}), "{speaks}");
        let filter = json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": ["scripted://two"] } });
        let mut listening = stateless("subscriptions/listen", filter).send(&server).await;
        assert_eq!(listening.message().await["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(text(call("change", json!({})).send(&server).await).await, "done");
        assert_eq!(stream.message().await["method"], "notifications/tools/list_changed", "{speaks}");
        assert_eq!(stream.message().await["params"]["uri"], "scripted://one");
        assert_eq!(listening.message().await["method"], "notifications/tools/list_changed");
        assert_eq!(listening.message().await["params"]["uri"], "scripted://two");
    }
}

#[tokio::test]
async fn a_tool_that_the_server_runs_as_a_task_only_is_called_like_another_one() {
    let server = serving(scripted(&[])).await;
    let session = Client::open(&server, "2025-11-25").await;
    for request in [session.call(1, "tasked", json!({})), call("tasked", json!({}))] {
        let messages = request.meta("progressToken", json!(1)).send(&server).await.messages().await;
        let last = messages.last().expect("a response");
        assert_eq!(last["result"]["content"][0]["text"], "the task is done", "{messages:?}");
        assert_eq!(messages[0]["method"], "notifications/progress", "{messages:?}");
        assert!(messages.iter().all(|message| message["method"] != "notifications/tasks/status"));
    }
}
