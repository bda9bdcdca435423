//! Events in, requests out: the request that the server sees of an ingress's event. The `/request` route answers with
//! it.

use serde_json::{Value, json};

use crate::support::*;

async fn seen(event: impl Into<bytes::Bytes>) -> Value {
    let emulator = function().start().await.unwrap();
    answer_of(emulator.invoke(event, None).await.unwrap()).await.json()
}

/// The headers that every fixture of an ingress brings, without those a test looks at.
fn without_the_usual(mut seen: Value) -> Value {
    let headers = seen["headers"].as_object_mut().unwrap();
    headers.retain(|name, _| {
        !name.starts_with("x-forwarded-") && name != "x-amzn-trace-id" && name != "user-agent"
    });
    seen
}

#[tokio::test]
async fn a_function_url_gives_its_query_as_it_was_sent_and_its_cookies_apart() {
    assert_eq!(
        without_the_usual(seen(fixture("function-url-cookies")).await),
        json!({
            "method": "GET",
            "uri": "/request?parameter1=value1&parameter1=value2&parameter2=a%20b",
            "headers": {
                "accept": ["text/plain,text/html"],
                "cookie": ["theme=dark; session=abc=="],
                "host": ["abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-west-2.on.aws"],
            },
            "body": "",
        })
    );
}

#[tokio::test]
async fn an_http_api_puts_its_stage_before_the_path_and_routes_are_found_without_it() {
    assert_eq!(
        without_the_usual(seen(fixture("http-api-cookies")).await),
        json!({
            "method": "GET",
            "uri": "/request?parameter1=value1&parameter1=value2",
            "headers": {
                "accept": ["*/*"],
                "content-length": ["0"],
                "cookie": ["theme=dark; session=abc=="],
                "host": ["abcdef1234.execute-api.us-east-1.amazonaws.com"],
            },
            "body": "",
        })
    );
}

#[tokio::test]
async fn only_a_whole_segment_that_is_the_stage_is_taken_off_the_path() {
    let emulator = function().start().await.unwrap();
    for (path, found) in [
        ("/prod/request", true),
        ("/prod/prod/request", false),
        ("/production/request", false),
        ("/request", true),
        ("/prodrequest", false),
        ("/prod", false),
        ("/", false),
        ("", false),
    ] {
        let event = edited("http-api-cookies", |event| event["rawPath"] = path.into());
        let answer = answer_of(emulator.invoke(event, None).await.unwrap()).await;
        assert_eq!(answer.status() == 200, found, "{path:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_rest_api_gives_decoded_pairs_and_all_values_of_a_header() {
    let seen = without_the_usual(seen(fixture("rest-get")).await);
    assert_eq!(seen["uri"], "/request?parameter1=value1&parameter1=value2&parameter2=a%20b%26c");
    assert_eq!(seen["headers"]["x-many"], json!(["one", "two"]));
    assert_eq!(seen["headers"]["cookie"], json!(["theme=dark; session=abc=="]));
    assert_eq!((&seen["method"], &seen["body"]), (&json!("GET"), &json!("")));
}

#[tokio::test]
async fn a_load_balancer_gives_pairs_as_they_were_sent() {
    for (event, many, uri) in [
        ("alb-get", json!(["two"]), "/request?parameter1=value2&parameter2=a%20b"),
        (
            "alb-get-multi-value",
            json!(["one", "two"]),
            "/request?parameter1=value1&parameter1=value2&parameter2=a%20b",
        ),
    ] {
        let seen = seen(fixture(event)).await;
        assert_eq!((&seen["uri"], &seen["headers"]["x-many"]), (&json!(uri), &many), "{event}");
        assert_eq!(seen["headers"]["cookie"], json!(["theme=dark; session=abc=="]));
    }
}

#[tokio::test]
async fn a_body_in_base64_is_decoded_before_it_is_read() {
    let emulator = function().start().await.unwrap();
    let answer = answer_of(emulator.invoke(fixture("function-url-post-base64"), None).await.unwrap()).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "grüße");
    // What is marked as text is text, also when it looks like base64.
    let text = edited("function-url-post-base64", |event| {
        event["rawPath"] = "/request".into();
        event["body"] = "aGVsbG8=".into();
        event["isBase64Encoded"] = false.into();
    });
    assert_eq!(answer_of(emulator.invoke(text, None).await.unwrap()).await.json()["body"], "aGVsbG8=");
}

#[tokio::test]
async fn no_body_is_an_empty_body() {
    for body in [json!(null), json!("")] {
        let event = edited("function-url-cookies", |event| event["body"] = body.clone());
        assert_eq!(seen(event).await["body"], "");
    }
}

#[tokio::test]
async fn a_header_that_http_does_not_allow_is_left_out_and_the_others_stay() {
    let event = edited("function-url-cookies", |event| {
        event["headers"]["x-lines"] = "one\r\nx-forged: two".into();
        event["headers"]["not a name"] = "value".into();
        event["headers"]["x-good"] = "value".into();
    });
    let headers = seen(event).await["headers"].clone();
    assert_eq!(headers["x-good"], json!(["value"]));
    for absent in ["x-lines", "x-forged", "not a name"] {
        assert!(headers.get(absent).is_none(), "{headers}");
    }
}
