//! `sns_publish` and `sqs_send_message`.

use serde_json::json;

use crate::{
    cloud::Cloud,
    program::{ALLOWED, CREDENTIALS, FIFO, Program, QUEUE, TOPIC},
};

#[tokio::test]
async fn a_message_is_published_with_its_subject_and_attributes() {
    let answer = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>m-1</MessageId>\
                  </PublishResult></PublishResponse>";
    let cloud = Cloud::start(move |_| (200, "text/xml", answer.to_owned())).await;
    let program = Program::start(&cloud.endpoint).await;
    let arguments =
        json!({ "topic": "orders", "message": "é & more", "subject": "Hi", "attributes": { "kind": "a b" } });
    let sent = program.call("sns_publish", arguments).await;
    assert_eq!(sent, json!({ "arn": TOPIC, "message_id": "m-1" }));
    let request = cloud.one();
    assert_eq!(request.scope(), ("sns".into(), "eu-north-1".into()));
    for (name, value) in [
        ("Action", "Publish"),
        ("Version", "2010-03-31"),
        ("TopicArn", TOPIC),
        ("Message", "é & more"),
        ("Subject", "Hi"),
        ("MessageAttributes.entry.1.Name", "kind"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "a b"),
    ] {
        assert_eq!(request.field(name).as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_message_is_sent_to_the_url_of_its_queue() {
    let cloud =
        Cloud::json(200, json!({ "MessageId": "m-2", "MD5OfMessageBody": "", "SequenceNumber": "5" })).await;
    let program = Program::start(&cloud.endpoint).await;
    let arguments =
        json!({ "queue": QUEUE, "message": "hello", "delay_seconds": 5, "attributes": { "kind": "a" } });
    let sent = program.call("sqs_send_message", arguments).await;
    assert_eq!(sent, json!({ "arn": QUEUE, "message_id": "m-2", "sequence_number": "5" }));
    let request = cloud.one();
    assert_eq!(request.header("x-amz-target"), Some("AmazonSQS.SendMessage"));
    assert_eq!(request.scope(), ("sqs".into(), "eu-north-1".into()));
    assert_eq!(
        request.json(),
        json!({
            "QueueUrl": format!("{}/123456789012/orders", cloud.endpoint),
            "MessageBody": "hello",
            "DelaySeconds": 5,
            "MessageAttributes": { "kind": { "DataType": "String", "StringValue": "a" } },
        })
    );
}

#[tokio::test]
async fn what_aws_would_refuse_is_refused_before_a_request() {
    let cloud = Cloud::json(200, json!({})).await;
    let program = Program::start(&cloud.endpoint).await;
    for (tool, arguments, expected) in [
        ("sns_publish", json!({ "topic": "x", "message": "m" }), "topic \"x\" is not allowed"),
        ("sqs_send_message", json!({ "queue": "x", "message": "m" }), "queue \"x\" is not allowed"),
        ("sqs_send_message", json!({ "queue": FIFO, "message": "m" }), "group_id is missing"),
        (
            "sqs_send_message",
            json!({ "queue": FIFO, "message": "m", "group_id": "g", "delay_seconds": 1 }),
            "delay_seconds is not for a FIFO queue",
        ),
        (
            "sns_publish",
            json!({ "topic": "orders", "message": "x".repeat(262_140), "attributes": { "abc": "de" } }),
            "the message has 262145 bytes",
        ),
        (
            "sns_publish",
            json!({ "topic": "orders", "message": "m", "subject": "a\nb" }),
            "subject must have 1 to 99",
        ),
        (
            "sns_publish",
            json!({ "topic": "orders", "message": "m", "attributes": { "a": "" } }),
            "attributes.a is empty",
        ),
    ] {
        let text = program.refused(tool, arguments).await;
        assert!(text.starts_with(expected), "{text}");
    }
    assert!(cloud.sent().is_empty());
}

/// A message there would pass for an event of AWS, or for a task of another caller.
#[tokio::test]
async fn the_topic_and_the_queue_of_the_server_take_no_messages_of_these_tools() {
    let cloud = Cloud::json(200, json!({})).await;
    let own = [
        ("SNS_TOPIC_ARN", TOPIC),
        ("TASK_QUEUE_URL", "https://sqs.eu-north-1.amazonaws.com/123456789012/orders"),
        ("MCP_STORE", "dynamodb"),
        ("SESSION_TABLE_NAME", "state"),
        ("EVENT_TABLE_NAME", "events"),
    ];
    let variables: Vec<_> = ALLOWED.into_iter().chain(CREDENTIALS).chain(own).collect();
    let program = Program::with(&cloud.endpoint, &variables).await;
    let text = program.refused("sns_publish", json!({ "topic": "orders", "message": "m" })).await;
    assert!(text.contains("publish_event"), "{text}");
    let text = program.refused("sqs_send_message", json!({ "queue": "orders", "message": "m" })).await;
    assert!(text.contains("the server's own tasks"), "{text}");
}
