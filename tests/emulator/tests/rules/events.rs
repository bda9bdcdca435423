//! The event each ingress makes of a request.

use bytes::Bytes;
use lambda_emulator::{Builder, Emulator, Ingress};
use serde_json::{Value, json};

use crate::support::*;

const HEADERS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("user-agent", "rules"),
    ("cookie", "a=1; b=2"),
    ("x-twice", "one"),
    ("x-twice", "two"),
    ("x-amzn-trace-id", "Root=1-5e1b4151-5ac6c58f5b5daa6f8c1d1f7e"),
];

/// The event of `POST <path>` with two values of a query parameter.
async fn event_of(emulator: &Emulator, ingress: Ingress, path: &str, body: &'static [u8]) -> Value {
    let url = format!("{}{path}?k=a%20b&k=c&flag", emulator.url(ingress));
    let reply = send("POST", &url, &HEADERS, Bytes::from_static(body)).await;
    assert_eq!(reply.status, 200, "{ingress:?}");
    let event = match ingress {
        // These pass the JSON of a function that does not stream on as it is.
        Ingress::FunctionUrl => {
            serde_json::from_str(reply.json_of_any_type().await["body"].as_str().unwrap()).unwrap()
        }
        _ => reply.json_of_any_type().await,
    };
    without_what_changes(event)
}

/// Checks and replaces the fields that differ between any two events.
fn without_what_changes(mut event: Value) -> Value {
    let context = event["requestContext"].as_object_mut().unwrap();
    for (key, value) in context.iter_mut() {
        match key.as_str() {
            "requestId" | "extendedRequestId" => assert_eq!(value.as_str().unwrap().len(), 36),
            "timeEpoch" | "requestTimeEpoch" => assert!(value.as_u64().unwrap() > 1_700_000_000_000),
            "time" | "requestTime" => assert!(value.as_str().unwrap().ends_with(" +0000")),
            _ => continue,
        }
        *value = json!("*");
    }
    event
}

fn port(emulator: &Emulator, ingress: Ingress) -> String {
    emulator.url(ingress).rsplit(':').next().unwrap().to_owned()
}

async fn start(builder: Builder) -> Emulator {
    builder.start().await.unwrap()
}

fn v2_event(port: &str, domain_name: &str, account: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/a%20b/c",
        "rawQueryString": "k=a%20b&k=c&flag",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "content-length": "7",
            "content-type": "application/json",
            "host": format!("127.0.0.1:{port}"),
            "user-agent": "rules",
            "x-amzn-trace-id": "Root=1-5e1b4151-5ac6c58f5b5daa6f8c1d1f7e",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": port,
            "x-forwarded-proto": "http",
            "x-twice": "one,two",
        },
        "queryStringParameters": { "k": "a b,c", "flag": "" },
        "requestContext": {
            "accountId": account,
            "apiId": "emulator",
            "domainName": domain_name,
            "domainPrefix": "emulator",
            "http": {
                "method": "POST",
                "path": "/a%20b/c",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "rules",
            },
            "requestId": "*",
            "routeKey": "$default",
            "stage": "$default",
            "time": "*",
            "timeEpoch": "*",
        },
        "body": "{\"a\":1}",
        "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn a_function_url_sends_format_2() {
    let emulator = start(emulator("events")).await;
    for ingress in [Ingress::FunctionUrl, Ingress::FunctionUrlBuffered] {
        let port = port(&emulator, ingress);
        let mut expected = v2_event(&port, "emulator.lambda-url.us-east-1.on.aws", "anonymous");
        expected["headers"]["cookie"] = json!("a=1; b=2");
        assert_eq!(event_of(&emulator, ingress, "/a%20b/c", br#"{"a":1}"#).await, expected);
    }
}

#[tokio::test]
async fn an_http_api_sends_format_2() {
    let emulator = start(emulator("events")).await;
    let port = port(&emulator, Ingress::HttpApi);
    let expected = v2_event(&port, "emulator.execute-api.us-east-1.amazonaws.com", "123456789012");
    assert_eq!(event_of(&emulator, Ingress::HttpApi, "/a%20b/c", br#"{"a":1}"#).await, expected);
}

#[tokio::test]
async fn an_empty_request_has_no_body_no_query_and_no_cookies() {
    let emulator = start(emulator("events")).await;
    let event = get(emulator.url(Ingress::FunctionUrlBuffered)).await.json_of_any_type().await;
    for absent in ["body", "queryStringParameters", "cookies"] {
        assert_eq!(event.get(absent), None, "{absent}");
    }
    assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/"), &json!("")));
    let event = get(emulator.url(Ingress::Rest)).await.json_of_any_type().await;
    for null in ["body", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters"] {
        assert_eq!(event.get(null), Some(&Value::Null), "{null}");
    }
    assert_eq!((&event["path"], &event["resource"]), (&json!("/"), &json!("/")));
    assert_eq!(get(emulator.url(Ingress::Alb)).await.json_of_any_type().await["body"], "");
}

#[tokio::test]
async fn a_rest_api_sends_format_1() {
    let emulator = start(emulator("events")).await;
    let port = port(&emulator, Ingress::Rest);
    let event = event_of(&emulator, Ingress::Rest, "/prod/a%20b/c", br#"{"a":1}"#).await;
    let expected = json!({
        "resource": "/{proxy+}",
        "path": "/a b/c",
        "httpMethod": "POST",
        "headers": {
            "Content-Length": "7",
            "Content-Type": "application/json",
            "Cookie": "a=1; b=2",
            "Host": format!("127.0.0.1:{port}"),
            "User-Agent": "rules",
            "X-Amzn-Trace-Id": "Root=1-5e1b4151-5ac6c58f5b5daa6f8c1d1f7e",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": port,
            "X-Forwarded-Proto": "http",
            "X-Twice": "two",
        },
        "multiValueHeaders": {
            "Content-Length": ["7"],
            "Content-Type": ["application/json"],
            "Cookie": ["a=1; b=2"],
            "Host": [format!("127.0.0.1:{port}")],
            "User-Agent": ["rules"],
            "X-Amzn-Trace-Id": ["Root=1-5e1b4151-5ac6c58f5b5daa6f8c1d1f7e"],
            "X-Forwarded-For": ["127.0.0.1"],
            "X-Forwarded-Port": [port],
            "X-Forwarded-Proto": ["http"],
            "X-Twice": ["one", "two"],
        },
        "queryStringParameters": { "k": "c", "flag": "" },
        "multiValueQueryStringParameters": { "k": ["a b", "c"], "flag": [""] },
        "pathParameters": { "proxy": "a b/c" },
        "stageVariables": null,
        "requestContext": {
            "resourceId": "emulator",
            "resourcePath": "/{proxy+}",
            "httpMethod": "POST",
            "extendedRequestId": "*",
            "requestTime": "*",
            "path": "/prod/a b/c",
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "prod",
            "domainPrefix": "emulator",
            "requestTimeEpoch": "*",
            "requestId": "*",
            "identity": {
                "cognitoIdentityPoolId": null,
                "accountId": null,
                "cognitoIdentityId": null,
                "caller": null,
                "sourceIp": "127.0.0.1",
                "principalOrgId": null,
                "accessKey": null,
                "cognitoAuthenticationType": null,
                "cognitoAuthenticationProvider": null,
                "userArn": null,
                "userAgent": "rules",
                "user": null,
            },
            "domainName": "emulator.execute-api.us-east-1.amazonaws.com",
            "apiId": "emulator",
        },
        "body": "{\"a\":1}",
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn outside_its_stage_a_rest_api_is_a_custom_domain() {
    let emulator = start(emulator("events").stage("v1")).await;
    let event = event_of(&emulator, Ingress::Rest, "/v1x/y", b"").await;
    let context = &event["requestContext"];
    assert_eq!(
        (&event["path"], &context["path"], &context["stage"]),
        (&json!("/v1x/y"), &json!("/v1x/y"), &json!("v1"))
    );
    assert_eq!(context["domainName"], format!("127.0.0.1:{}", port(&emulator, Ingress::Rest)));
    let event = event_of(&emulator, Ingress::Rest, "/v1", b"").await;
    assert_eq!((&event["path"], &event["requestContext"]["path"]), (&json!("/"), &json!("/v1")));
}

#[tokio::test]
async fn a_load_balancer_sends_single_or_multiple_values_and_decodes_nothing() {
    let emulator = start(emulator("events")).await;
    let context = json!({ "elb": {
        "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/emulator/0123456789abcdef",
    } });
    let single = event_of(&emulator, Ingress::Alb, "/a%20b", br#"{"a":1}"#).await;
    assert_eq!(single["requestContext"], context);
    assert_eq!((&single["httpMethod"], &single["path"]), (&json!("POST"), &json!("/a%20b")));
    assert_eq!(single["queryStringParameters"], json!({ "k": "c", "flag": "" }));
    assert_eq!((&single["headers"]["x-twice"], &single["body"]), (&json!("two"), &json!("{\"a\":1}")));
    assert_eq!((single.get("multiValueHeaders"), &single["isBase64Encoded"]), (None, &json!(false)));

    let multi = event_of(&emulator, Ingress::AlbMultiValue, "/a%20b", br#"{"a":1}"#).await;
    assert_eq!(multi["requestContext"], context);
    assert_eq!(multi["multiValueQueryStringParameters"], json!({ "k": ["a%20b", "c"], "flag": [""] }));
    assert_eq!(multi["multiValueHeaders"]["x-twice"], json!(["one", "two"]));
    assert_eq!((multi.get("headers"), multi.get("queryStringParameters")), (None, None));
}

#[tokio::test]
async fn what_is_not_known_to_be_text_arrives_in_base64() {
    let emulator = start(emulator("events")).await;
    let body = async |ingress, content_type: &str, encoding: &str, body: &'static [u8]| {
        let headers = [("content-type", content_type), ("content-encoding", encoding)];
        let headers = if encoding.is_empty() { &headers[..1] } else { &headers[..] };
        let event = send("POST", &emulator.url(ingress), headers, Bytes::from_static(body))
            .await
            .json_of_any_type()
            .await;
        (event["body"].as_str().unwrap().to_owned(), event["isBase64Encoded"].as_bool().unwrap())
    };
    for ingress in [Ingress::FunctionUrlBuffered, Ingress::HttpApi, Ingress::Alb] {
        for text in
            ["text/plain", "application/json; charset=utf-8", "application/ld+json", "application/xml"]
        {
            assert_eq!(body(ingress, text, "", b"hi").await, ("hi".to_owned(), false), "{text}");
        }
        assert_eq!(body(ingress, "application/octet-stream", "", b"hi").await, ("aGk=".to_owned(), true));
        assert_eq!(
            body(ingress, "application/x-www-form-urlencoded", "", b"hi").await,
            ("aGk=".to_owned(), true)
        );
        assert_eq!(body(ingress, "application/json", "gzip", b"hi").await, ("aGk=".to_owned(), true));
        assert_eq!(body(ingress, "application/json", "", b"\xff\x00").await, ("/wA=".to_owned(), true));
    }
    // A REST API encodes only the types of its own list, and damages bodies of any other.
    assert_eq!(body(Ingress::Rest, "image/png", "", b"\xff\x00").await, ("\u{fffd}\0".to_owned(), false));
    drop(emulator);
    let emulator = start(support_binary()).await;
    let event =
        post(emulator.url(Ingress::Rest), "image/png", &b"\xff\x00"[..]).await.json_of_any_type().await;
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
}

fn support_binary() -> Builder {
    emulator("events").binary_media_types(["image/*"])
}

#[tokio::test]
async fn lambda_http_understands_every_event() {
    let echo = async |function: &str, ingresses: &[Ingress]| {
        let emulator = start(emulator(function)).await;
        for ingress in ingresses {
            let prefix = if matches!(ingress, Ingress::Rest | Ingress::RestStream) { "/prod" } else { "" };
            let url = format!("{}{prefix}/some/path?k=v", emulator.url(*ingress));
            let headers = [("content-type", "text/plain"), ("cookie", "c=d")];
            let reply = send("PUT", &url, &headers, Bytes::from_static("grüße".as_bytes())).await;
            assert_eq!((reply.status.as_u16(), reply.header("x-method")), (200, Some("PUT")), "{ingress:?}");
            let path = reply.header("x-path").unwrap();
            assert!(path.ends_with("/some/path"), "{ingress:?}: {path}");
            assert_eq!(
                (reply.header("x-query"), reply.header("x-cookie")),
                (Some("k=v"), Some("c=d")),
                "{ingress:?}"
            );
            assert_eq!(
                (reply.header("content-type"), reply.header("set-cookie")),
                (Some("text/plain"), Some("a=1"))
            );
            assert_eq!(reply.text().await, "grüße");
        }
    };
    echo("stream", &[Ingress::FunctionUrl, Ingress::RestStream]).await;
    echo(
        "buffered",
        &[
            Ingress::FunctionUrlBuffered,
            Ingress::HttpApi,
            Ingress::Rest,
            Ingress::Alb,
            Ingress::AlbMultiValue,
        ],
    )
    .await;
}
