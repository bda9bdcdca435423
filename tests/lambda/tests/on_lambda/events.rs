//! Events of other systems: SNS deliveries and EventBridge events in, updates and resources out.

use std::time::Duration;

use lambda_emulator::{Builder, Emulator};
use serde_json::{Value, json};

use crate::support::*;

/// One environment: without a database, memory is all there is.
fn with_events() -> Builder {
    function().env("MCP_EVENTS", "on").timeout(Duration::from_secs(60))
}

/// What a delivery leaves in the resource of its source and type, or the error it fails with.
async fn taken_in(emulator: &Emulator, event: &str, uri: &str) -> Value {
    let answer = answer_of(emulator.invoke(fixture(event), None).await.unwrap()).await;
    assert_eq!(answer, InvocationAnswer::Whole(json!({})), "{event}");
    newest(emulator, uri).await
}

async fn newest(emulator: &Emulator, uri: &str) -> Value {
    let read = ask("resources/read", json!({ "uri": uri })).send_to(emulator).await.json().await;
    let contents = &read["result"]["contents"][0];
    assert_eq!(
        (&contents["uri"], &contents["mimeType"]),
        (&json!(uri), &json!("application/json")),
        "{read}"
    );
    serde_json::from_str(contents["text"].as_str().unwrap()).unwrap()
}

fn external(source: &str, event_type: &str, payload: &Value) -> Value {
    json!({
        "type": "external_event", "source": source, "event_type": event_type, "payload": payload,
        "timestamp": "2026-11-20T19:03:58.390Z",
    })
}

/// The `Message` of an SNS fixture, as JSON.
fn message(event: &str) -> Value {
    let event: Value = serde_json::from_str(&fixture(event)).unwrap();
    serde_json::from_str(event["Records"][0]["Sns"]["Message"].as_str().unwrap()).unwrap()
}

/// A message with an attribute that names its principal.
fn addressed_to(principal: &Value) -> String {
    edited("sns", |event| {
        event["Records"][0]["Sns"]["MessageAttributes"] = json!({ "mcp_principal": principal });
    })
}

#[tokio::test]
async fn every_form_of_a_delivery_becomes_its_documented_event() {
    let emulator = with_events().start().await.unwrap();
    let bridge: Value = serde_json::from_str(&fixture("eventbridge-state-change")).unwrap();
    let state_change = "EC2 Instance State-change Notification";
    let forms = [
        (
            "sns-state-change",
            "event://aws.ec2/state_change",
            external("aws.ec2", "state_change", &json!({ "instance": "i-123", "state": "terminated" })),
        ),
        (
            "sns-resource-update",
            "event://aws.ec2/resource_update",
            external("aws.ec2", "resource_update", &message("sns-resource-update")),
        ),
        (
            "sns-cloudwatch-alarm",
            "event://aws.cloudwatch/alarm",
            external("aws.cloudwatch", "alarm", &message("sns-cloudwatch-alarm")),
        ),
        (
            "sns-eventbridge",
            "event://aws.ec2/EC2%20Instance%20State-change%20Notification",
            external("aws.ec2", state_change, &bridge),
        ),
        (
            "sns-json",
            "event://mcp-global-events/Nightly%20report",
            external("mcp-global-events", "Nightly report", &json!([{ "rows": 3 }, { "rows": 4 }])),
        ),
        (
            "sns",
            "event://sns-lambda/TestInvoke",
            external("sns-lambda", "TestInvoke", &json!("Hello from SNS!")),
        ),
        ("sns-subject-only", "event://deploy/finished", external("deploy", "finished", &Value::Null)),
        ("sns-own", "event://monitoring_update/EC2", message("sns-own")),
    ];
    for (at, (event, uri, expected)) in forms.into_iter().enumerate() {
        let taken = taken_in(&emulator, event, uri).await;
        assert_eq!(taken["events"], json!([{ "seq": at + 1, "event": expected }]), "{event}");
    }
    let mut expected = external("aws.ec2", state_change, &bridge);
    expected["timestamp"] = json!("2026-11-20T19:03:58.000Z");
    let taken = taken_in(
        &emulator,
        "eventbridge-state-change",
        "event://aws.ec2/EC2%20Instance%20State-change%20Notification",
    )
    .await;
    assert_eq!(taken["events"][0]["event"], expected, "the newest first");
    assert_eq!((&taken["source"], &taken["type"]), (&json!("aws.ec2"), &json!(state_change)));
    assert_eq!(taken["events"].as_array().unwrap().len(), 2);
    assert_eq!(complaints(&emulator), 1, "that memory is no place for events, and nothing else");
}

#[tokio::test]
async fn a_delivery_that_is_repeated_is_one_event() {
    let emulator = with_events().start().await.unwrap();
    for _ in 0..3 {
        let taken = taken_in(&emulator, "sns-state-change", "event://aws.ec2/state_change").await;
        assert_eq!(taken["events"].as_array().unwrap().len(), 1);
    }
    for _ in 0..2 {
        let taken = taken_in(&emulator, "eventbridge", "event://aws.events/Scheduled%20Event").await;
        assert_eq!(taken["events"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_record_with_the_id_of_a_known_event_is_not_delivered_again() {
    let emulator = with_events().start().await.unwrap();
    for message in ["first", "second"] {
        let event = edited("sns-state-change", |event| {
            let sns = &mut event["Records"][0]["Sns"];
            sns["MessageId"] = message.into();
            sns["MessageAttributes"] = json!({ "mcp_event_id": { "Type": "String", "Value": "one" } });
        });
        assert_eq!(
            answer_of(emulator.invoke(event, None).await.unwrap()).await,
            InvocationAnswer::Whole(json!({}))
        );
    }
    let taken = newest(&emulator, "event://aws.ec2/state_change").await;
    assert_eq!(taken["events"].as_array().unwrap().len(), 1);
}

/// A publisher of the topic may address one caller. The caller of a direct invocation has this key.
#[tokio::test]
async fn a_message_with_the_key_of_a_principal_is_for_that_caller_alone() {
    let emulator = with_events().start().await.unwrap();
    let event = edited("sns-state-change", |event| {
        event["Records"][0]["Sns"]["MessageAttributes"] =
            json!({ "mcp_principal": { "Type": "String", "Value": " aws|invoke" } });
    });
    assert_eq!(
        answer_of(emulator.invoke(event, None).await.unwrap()).await,
        InvocationAnswer::Whole(json!({}))
    );
    let uri = "event://aws.ec2/state_change";
    let read = ask("resources/read", json!({ "uri": uri })).send_to(&emulator).await.json().await;
    assert_eq!(read["error"]["code"], -32602, "{read}");
    let event = edited("direct-invoke", |event| {
        event["method"] = "resources/read".into();
        event["params"]["uri"] = uri.into();
        event["params"].as_object_mut().unwrap().retain(|name, _| name == "uri" || name == "_meta");
    });
    let InvocationAnswer::Whole(read) = answer_of(emulator.invoke(event, None).await.unwrap()).await else {
        panic!("no answer")
    };
    let text = read["result"]["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{read}"));
    let held: Value = serde_json::from_str(text).unwrap();
    assert_eq!(held["events"][0]["scope"], "principal");
    assert_eq!(held["events"][0]["event"]["payload"], json!({ "instance": "i-123", "state": "terminated" }));
}

#[tokio::test]
async fn an_invalid_message_fails_with_its_reason_and_becomes_a_dead_letter() {
    let emulator = with_events().start().await.unwrap();
    let cases = [
        (
            fixture("sns-own-broken"),
            "message 0c1f4ae5-0009-5f0a-9d3c-1f1f6a1c0009 has the type \"system_health\" and is not a valid event of that type: missing field `status`",
        ),
        (
            fixture("sns-own-session"),
            "message 0c1f4ae5-0010-5f0a-9d3c-1f1f6a1c0010 is for one session, and its session_id is not a session id of this server",
        ),
        (
            edited("sns", |event| {
                event["Records"][0]["Sns"]["Message"] = "".into();
                event["Records"][0]["Sns"]["Subject"] = Value::Null;
            }),
            "message 95df01b4-ee98-5cb9-9903-4c221d41eb5e has neither a text nor a subject",
        ),
        (
            addressed_to(&json!({ "Type": "String", "Value": "anonymous" })),
            "message 95df01b4-ee98-5cb9-9903-4c221d41eb5e has an attribute mcp_principal that is not the key of a principal: expected text such as https://issuer.example.com|alice",
        ),
        (
            addressed_to(&json!({ "Type": "Binary", "Value": 5 })),
            "message 95df01b4-ee98-5cb9-9903-4c221d41eb5e has an attribute mcp_principal that is not the key of a principal: expected text such as https://issuer.example.com|alice",
        ),
        (
            edited("sns", |event| event["Records"][0]["Sns"]["MessageId"] = "".into()),
            "the SNS event cannot be read: a record has an empty MessageId",
        ),
    ];
    for (dead, (event, reason)) in cases.into_iter().enumerate() {
        emulator.invoke_async(event.clone()).unwrap();
        emulator.settled().await;
        let dead_letters = emulator.dead_letters();
        let dead_letter = &dead_letters[dead];
        let error = dead_letter.error.as_ref().unwrap();
        assert_eq!(
            (dead_letter.attempts, error.kind.as_str(), error.message().as_str()),
            (3, "InvalidEvent", reason)
        );
        assert_eq!(dead_letter.payload, event.as_bytes(), "the dead letter is the whole event");
    }
    let (kind, reason) = answer_of(
        emulator
            .invoke(edited("sns", |event| event["Records"][0]["Sns"] = json!({ "Message": 5 })), None)
            .await
            .unwrap(),
    )
    .await
    .error();
    assert_eq!(kind, "InvalidEvent");
    assert!(reason.starts_with("the SNS event cannot be read: "), "{reason}");
}

#[tokio::test]
async fn a_listen_stream_gets_events_of_its_resource_and_learns_of_new_ones() {
    let emulator = with_events().concurrency(8).start().await.unwrap();
    let mut one = listen_to(&["event://aws.ec2/state_change"]).send_to(&emulator).await;
    let mut all = ask("subscriptions/listen", json!({ "notifications": { "resourcesListChanged": true } }))
        .send_to(&emulator)
        .await;
    for reply in [&mut one, &mut all] {
        assert_eq!(reply.message().await["method"], "notifications/subscriptions/acknowledged");
    }
    for event in ["sns-resource-update", "sns-state-change", "sns-state-change"] {
        assert_eq!(
            answer_of(emulator.invoke(fixture(event), None).await.unwrap()).await,
            InvocationAnswer::Whole(json!({}))
        );
    }
    let updated = one.message().await;
    assert_eq!(updated["method"], "notifications/resources/updated");
    assert_eq!(updated["params"]["uri"], "event://aws.ec2/state_change");
    for _ in 0..2 {
        assert_eq!(all.message().await["method"], "notifications/resources/list_changed");
    }
    let listed = ask("resources/list", json!({})).send_to(&emulator).await.json().await;
    let uris: Vec<_> =
        listed["result"]["resources"].as_array().unwrap().iter().map(|one| &one["uri"]).collect();
    assert_eq!(uris, ["event://aws.ec2/resource_update", "event://aws.ec2/state_change"]);
}

#[tokio::test]
async fn a_session_gets_an_event_as_a_log_message_and_an_update_and_resumes_between_the_two() {
    let emulator = with_events().concurrency(8).start().await.unwrap();
    let id = initialize(&emulator).await;
    let uri = "event://aws.cloudwatch/alarm";
    let subscribe =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": { "uri": uri } });
    assert_eq!(
        session(&id, http::Method::POST, &subscribe).send_to(&emulator).await.json().await["result"],
        json!({})
    );
    let mut stream = session(&id, http::Method::GET, &Value::Null).send_to(&emulator).await;
    assert_eq!(
        answer_of(emulator.invoke(fixture("sns-cloudwatch-alarm"), None).await.unwrap()).await,
        InvocationAnswer::Whole(json!({}))
    );
    let next = async |stream: &mut Reply| loop {
        let event = stream.event().await.unwrap();
        if event.is_message() {
            let message = event.json();
            break (event.id.unwrap(), message);
        }
    };
    let (place, message) = next(&mut stream).await;
    assert_eq!(message["method"], "notifications/message");
    assert_eq!(
        (&message["params"]["level"], &message["params"]["logger"]),
        (&json!("warning"), &json!("aws.cloudwatch"))
    );
    assert_eq!(message["params"]["data"]["payload"]["AlarmName"], "queue too long");
    let of_log = |position: &str| format!("log.{}.{position}", &id[..8]);
    assert_eq!(place, of_log("0-1.0.0"), "in the middle of the first event");
    drop(stream);
    let resume = |place: &str| session(&id, http::Method::GET, &Value::Null).header("last-event-id", place);
    let mut stream = resume(&place).send_to(&emulator).await;
    let (place, changed) = next(&mut stream).await;
    assert_eq!(
        (changed["method"].as_str().unwrap(), &place),
        ("notifications/resources/list_changed", &of_log("0-2.0.0"))
    );
    drop(stream);
    let mut stream = resume(&place).send_to(&emulator).await;
    let (place, updated) = next(&mut stream).await;
    assert_eq!((&updated["params"]["uri"], place), (&json!(uri), of_log("1.0.0")));
}

#[tokio::test]
async fn a_server_without_events_refuses_them_and_has_no_such_resources() {
    let emulator = function().start().await.unwrap();
    let (kind, _) =
        answer_of(emulator.invoke(fixture("sns-state-change"), None).await.unwrap()).await.error();
    assert_eq!(kind, "NotConfigured");
    let read =
        ask("resources/read", json!({ "uri": "event://aws.ec2/state_change" })).send_to(&emulator).await;
    assert_eq!(read.json().await["error"]["code"], -32601);
}

#[tokio::test]
async fn capabilities_promise_events_only_where_they_can_be_sent() {
    let promises = async |streams: &str| {
        let emulator = with_events().env("MCP_STREAMS", streams).start().await.unwrap();
        let discovered = ask("server/discover", json!({})).send_to(&emulator).await.json().await;
        let answer = listen_to(&["event://a/b"]).send_to(&emulator).await;
        (discovered["result"]["capabilities"].clone(), answer.status.as_u16())
    };
    let (on, status) = promises("on").await;
    assert_eq!(on["resources"], json!({ "subscribe": true, "listChanged": true }));
    assert_eq!((&on["tools"], status), (&json!({ "listChanged": true }), 200));
    let (off, status) = promises("off").await;
    assert_eq!((&off["resources"], &off["tools"], status), (&json!({}), &json!({}), 404));
}
