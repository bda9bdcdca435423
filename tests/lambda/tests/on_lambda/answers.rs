//! Events in, exact answers out: every ingress in every response mode.

use std::io::Read;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::*;

/// What the echo of every `*-post` fixture is answered with.
const HELLO: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"hello"}],"#,
    r#""isError":false,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fixture","version":"1"}}}}"#
);

const MODES: [&str; 3] = ["stream", "buffered", "auto"];

/// A POST of each ingress, and the form of its answer in each of [`MODES`].
const INGRESSES: [(&str, [Form; 3]); 5] = [
    ("function-url-post", [Form::Stream, Form::V2, Form::Stream]),
    ("rest-post", [Form::Stream, Form::V1, Form::V1]),
    // These never stream, in any response mode.
    ("http-api-post", [Form::V2, Form::V2, Form::V2]),
    ("alb-post", [Form::Alb, Form::Alb, Form::Alb]),
    ("alb-post-multi-value", [Form::AlbLists, Form::AlbLists, Form::AlbLists]),
];

/// The POST of an ingress as a GET of another path, with one more header.
fn get_of(ingress: &str, path: &str, header: (&str, &str)) -> String {
    edited(ingress, |event| {
        if event.get("rawPath").is_some() {
            event["rawPath"] = path.into();
            event["requestContext"]["http"]["method"] = "GET".into();
        } else {
            event["path"] = path.into();
            event["httpMethod"] = "GET".into();
        }
        if event.get("headers").is_some() {
            event["headers"][header.0] = header.1.into();
        }
        if event.get("multiValueHeaders").is_some() {
            event["multiValueHeaders"][header.0] = json!([header.1]);
        }
        event.as_object_mut().unwrap().remove("body");
    })
}

/// What a GET of `path` is answered with, for every ingress in every mode, with the form it should have.
async fn everywhere(path: &str, mut check: impl FnMut(Form, InvocationAnswer)) {
    for (at, mode) in MODES.into_iter().enumerate() {
        let emulator = function_in(mode).start().await.unwrap();
        for (ingress, forms) in INGRESSES {
            let event = get_of(ingress, path, ("x-test", "1"));
            check(forms[at], answer_of(emulator.invoke(event, None).await.unwrap()).await);
        }
    }
}

#[tokio::test]
async fn a_call_is_answered_in_the_form_its_ingress_reads_in_every_response_mode() {
    for (at, mode) in MODES.into_iter().enumerate() {
        let emulator = function_in(mode).start().await.unwrap();
        for (ingress, forms) in INGRESSES {
            let answer = answer_of(emulator.invoke(fixture(ingress), None).await.unwrap()).await;
            let expected = Answer::ok("application/json", HELLO).in_form(forms[at]);
            assert_eq!(answer, expected, "{ingress} in mode {mode}");
        }
    }
}

#[tokio::test]
async fn an_event_is_served_with_any_caller_stage_and_completion_marker() {
    let emulator = function().start().await.unwrap();
    for (event, form) in [
        ("function-url-post-iam", Form::Stream),
        // A client that could make its request look like a completion would make it vanish.
        ("function-url-post-completion-marker", Form::Stream),
        ("http-api-post-stage", Form::V2),
        ("http-api-post-jwt", Form::V2),
        ("http-api-post-lambda-authorizer", Form::V2),
        ("rest-post-authorizer", Form::V1),
    ] {
        let answer = answer_of(emulator.invoke(fixture(event), None).await.unwrap()).await;
        assert_eq!(answer, Answer::ok("application/json", HELLO).in_form(form), "{event}");
    }
}

#[tokio::test]
async fn a_request_that_http_refuses_is_refused_in_the_form_of_the_ingress() {
    let no_stream = r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"invalid request: method not allowed here; allowed are POST, OPTIONS"}}"#;
    let no_session = concat!(
        r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"bad request: the Mcp-Session-Id header is required; "#,
        r#"send initialize first"}}"#
    );
    for (mode, form) in [("stream", Form::Stream), ("buffered", Form::V2)] {
        let emulator = function_in(mode).start().await.unwrap();
        let get = answer_of(emulator.invoke(fixture("function-url-get"), None).await.unwrap()).await;
        let expected = Answer::ok("application/json", no_stream).status(405, "Method Not Allowed");
        assert_eq!(get, expected.with(&[("allow", "POST, OPTIONS")]).in_form(form));
        let delete = answer_of(emulator.invoke(fixture("function-url-delete"), None).await.unwrap()).await;
        let expected = Answer::ok("application/json", no_session).status(400, "Bad Request");
        assert_eq!(delete, expected.in_form(form));
    }
}

#[tokio::test]
async fn a_preflight_lists_the_headers_that_a_browser_may_send() {
    let headers = || {
        vec![
            ("access-control-allow-headers", vec!["content-type,mcp-protocol-version"]),
            ("access-control-allow-methods", vec!["GET,POST,DELETE,OPTIONS"]),
            ("access-control-allow-origin", vec!["http://localhost:6274"]),
            ("access-control-max-age", vec!["86400"]),
            ("vary", vec!["origin, access-control-request-headers"]),
        ]
    };
    for (mode, form, body) in [("stream", Form::Stream, "{}"), ("buffered", Form::V2, "")] {
        let emulator = function_in(mode).start().await.unwrap();
        let answer = answer_of(emulator.invoke(fixture("function-url-options"), None).await.unwrap()).await;
        let mut expected = Answer { status: 200, reason: "OK", headers: headers(), cookies: &[], body };
        if form == Form::Stream {
            expected.headers.push(("content-type", vec!["application/json"]));
        }
        assert_eq!(answer, expected.in_form(form));
    }
}

#[tokio::test]
async fn cookies_go_where_each_ingress_looks_for_them() {
    everywhere("/cookies", |form, answer| {
        let mut expected = Answer::ok("text/plain", "cookies");
        expected.cookies = &["a=1; Path=/; HttpOnly", "b=2, with a comma"];
        // A load balancer without lists can be given one, and two in one line would be one with a wrong end.
        assert_eq!(answer, expected.in_form(form), "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn a_header_with_two_values_keeps_both() {
    everywhere("/repeated", |form, answer| {
        let mut expected = Answer::ok("text/plain", "repeated");
        expected.headers.push(("x-many", vec!["one", "two"]));
        assert_eq!(answer, expected.in_form(form), "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn a_body_without_a_type_is_given_one() {
    everywhere("/untyped", |form, answer| {
        let expected = Answer::ok("text/plain; charset=utf-8", "text without a type: grüße");
        assert_eq!(answer, expected.in_form(form), "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn an_empty_answer_is_never_an_empty_stream() {
    for (path, status, reason) in
        [("/empty", 200, "OK"), ("/accepted", 202, "Accepted"), ("/no-content", 204, "No Content")]
    {
        everywhere(path, |form, answer| {
            let (status, body) = match (form, status) {
                // 204 forbids a body, and some ingresses wait for its first byte.
                (Form::Stream, 204) => (200, "{}"),
                (Form::Stream, status) => (status, "{}"),
                (_, status) => (status, ""),
            };
            let mut expected = Answer::ok("application/json", body).status(status, reason);
            // A gateway that buffers adds a type of its own, or none.
            expected.headers.retain(|(name, _)| form == Form::Stream || *name != "content-type");
            assert_eq!(answer, expected.in_form(form), "{form:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_stream_that_turns_out_to_be_empty_is_not_sent_empty() {
    let emulator = function_in("stream").start().await.unwrap();
    for query in ["", "late"] {
        let event = edited("function-url-cookies", |event| {
            event["rawPath"] = "/unsaid".into();
            event["rawQueryString"] = query.into();
        });
        let answer = answer_of(emulator.invoke(event, None).await.unwrap()).await;
        assert_eq!((answer.status(), answer.body().as_str()), (200, "\n"), "{query}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_base64_where_the_answer_is_json() {
    everywhere("/binary", |form, answer| match answer {
        InvocationAnswer::Streamed { body, .. } => {
            assert_eq!(form, Form::Stream);
            assert_eq!(&body[..], [0xff, 0x00, 0xfe, 0x80]);
        }
        InvocationAnswer::Whole(payload) => {
            assert_ne!(form, Form::Stream);
            assert_eq!((&payload["body"], &payload["isBase64Encoded"]), (&json!("/wD+gA=="), &json!(true)));
        }
        InvocationAnswer::Failed(..) => panic!("{answer:?}"),
    })
    .await;
}

#[tokio::test]
async fn a_compressed_answer_is_base64_where_the_answer_is_json() {
    let message = "a long answer, ".repeat(200);
    let event = edited("function-url-post", |event| {
        let mut body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        body["params"]["arguments"]["message"] = message.as_str().into();
        event["body"] = body.to_string().into();
        event["headers"]["accept-encoding"] = "gzip".into();
    });
    for mode in ["stream", "buffered"] {
        let emulator = function_in(mode).start().await.unwrap();
        let compressed = match answer_of(emulator.invoke(event.clone(), None).await.unwrap()).await {
            InvocationAnswer::Streamed { head, body } => {
                assert_eq!(head["headers"]["content-encoding"], "gzip");
                body.to_vec()
            }
            InvocationAnswer::Whole(payload) => {
                assert_eq!(payload["headers"]["content-encoding"], "gzip");
                assert_eq!(payload["isBase64Encoded"], true);
                BASE64_STANDARD.decode(payload["body"].as_str().unwrap()).unwrap()
            }
            InvocationAnswer::Failed(..) => panic!("not served"),
        };
        let mut text = String::new();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut text).unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["result"]["content"][0]["text"], message.as_str());
    }
}
