//! The caller, as the event of each ingress names it, and the headers that repeat it.

use lambda_emulator::{Emulator, Ingress};
use serde_json::{Value, json};

use crate::support::*;

/// Makes an event ask for the tool `who`.
fn asks(event: &mut Value) {
    event["body"] = json!(event["body"].as_str().unwrap().replace("\"echo\"", "\"who\""));
    for (name, value) in event["headers"].as_object_mut().into_iter().flatten() {
        if name.eq_ignore_ascii_case("mcp-name") {
            *value = json!("who");
        }
    }
    for (name, values) in event["multiValueHeaders"].as_object_mut().into_iter().flatten() {
        if name.eq_ignore_ascii_case("mcp-name") {
            *values = json!(["who"]);
        }
    }
}

/// The key of this event's caller, how it was authenticated, and the whole answer of the tool.
async fn who(emulator: &Emulator, event: &str, change: impl FnOnce(&mut Value)) -> (String, String, Value) {
    let event = edited(event, |event| {
        asks(event);
        change(event);
    });
    let answer = answer_of(emulator.invoke(event, None).await.unwrap()).await.json();
    let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let who: Value = serde_json::from_str(text).unwrap();
    (text_of(&who["key"]), text_of(&who["authenticated_by"]), who)
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn authorizer(context: Value) -> impl FnOnce(&mut Value) {
    move |event| event["requestContext"]["authorizer"] = context
}

#[tokio::test]
async fn the_caller_is_read_from_the_event_of_each_ingress() {
    let emulator = function().start().await.unwrap();
    for (event, key, authenticated_by, scopes) in [
        ("function-url-post", "anonymous", "Anonymous", json!([])),
        ("function-url-post-iam", "aws:iam|AIDACKCEVSQ6C2EXAMPLE", "Iam", json!([])),
        ("http-api-post", "anonymous", "Anonymous", json!([])),
        (
            "http-api-post-jwt",
            "https://issuer.example.com/|user-1",
            "Authorizer",
            json!(["mcp:call", "mcp:read"]),
        ),
        ("http-api-post-lambda-authorizer", "authorizer|user-1", "Authorizer", json!([])),
        ("rest-post", "anonymous", "Anonymous", json!([])),
        ("rest-post-authorizer", "authorizer|user-1", "Authorizer", json!([])),
        ("alb-post", "anonymous", "Anonymous", json!([])),
    ] {
        let (found, by, who) = who(&emulator, event, |_| {}).await;
        assert_eq!(
            (found.as_str(), by.as_str(), &who["scopes"]),
            (key, authenticated_by, &scopes),
            "{event}"
        );
    }
}

#[tokio::test]
async fn a_token_names_the_same_caller_through_every_ingress() {
    let emulator = function().start().await.unwrap();
    let claims =
        json!({ "iss": "https://issuer.example.com/", "sub": "user-1", "scope": "mcp:call mcp:read" });
    let ours =
        json!({ "principalId": "user-1", "iss": claims["iss"], "sub": "user-1", "scope": claims["scope"] });
    for (event, context) in [
        ("rest-post", json!({ "claims": claims })),
        ("rest-post", ours.clone()),
        ("rest-post", json!({ "lambda": ours })),
        ("http-api-post", json!({ "lambda": ours })),
        ("http-api-post", json!({ "jwt": { "claims": claims, "scopes": null } })),
    ] {
        let (key, by, who) = who(&emulator, event, authorizer(context.clone())).await;
        assert_eq!(
            (key.as_str(), by.as_str()),
            ("https://issuer.example.com/|user-1", "Authorizer"),
            "{context}"
        );
        assert_eq!(who["scopes"], json!(["mcp:call", "mcp:read"]), "{context}");
    }
}

#[tokio::test]
async fn scopes_are_read_however_they_are_written() {
    let emulator = function().start().await.unwrap();
    for scope in [json!("a b"), json!("[a b]"), json!("[a, b]"), json!(["a", "b"]), json!("  a   b ")] {
        let claims = json!({ "iss": "i", "sub": "s", "scope": scope });
        let (_, _, who) =
            who(&emulator, "http-api-post", authorizer(json!({ "jwt": { "claims": claims } }))).await;
        assert_eq!(who["scopes"], json!(["a", "b"]), "{scope}");
    }
}

/// IAM may give a deleted user's name to another one, and one role to all users of an identity pool.
#[tokio::test]
async fn a_caller_of_iam_is_identified_by_an_id_that_is_never_reused() {
    let emulator = function().start().await.unwrap();
    let pool = |identity: &str| {
        json!({ "iam": {
            "accessKey": "ASIAEXAMPLE", "accountId": "111122223333", "callerId": "AROAEXAMPLE:CognitoIdentityCredentials",
            "userId": "AROAEXAMPLE:CognitoIdentityCredentials", "userArn": "arn:aws:sts::111122223333:assumed-role/pool/CognitoIdentityCredentials",
            "cognitoIdentity": { "amr": ["authenticated"], "identityId": identity, "identityPoolId": "us-east-1:pool" },
        } })
    };
    let mut keys = Vec::new();
    for identity in ["us-east-1:one", "us-east-1:two"] {
        let (key, by, who) = who(&emulator, "function-url-post", authorizer(pool(identity))).await;
        assert_eq!((key, by.as_str()), (format!("aws:cognito-identity|{identity}"), "Iam"));
        assert_eq!(who["attributes"]["accessKey"], Value::Null, "a credential is not an attribute");
        keys.push(who["key"].clone());
    }
    assert_ne!(keys[0], keys[1]);
    let identity = |event: &mut Value| {
        event["requestContext"]["identity"]["caller"] = json!("AROAEXAMPLE:session");
        event["requestContext"]["identity"]["user"] = json!("AROAEXAMPLE:session");
        event["requestContext"]["identity"]["accountId"] = json!("111122223333");
        event["requestContext"]["identity"]["userArn"] =
            json!("arn:aws:sts::111122223333:assumed-role/r/session");
    };
    let (key, by, _) = who(&emulator, "rest-post", identity).await;
    assert_eq!((key.as_str(), by.as_str()), ("aws:iam|AROAEXAMPLE:session", "Iam"));
}

/// A context that cannot be read names no caller.
#[tokio::test]
async fn a_context_that_names_no_caller_is_anonymous() {
    let emulator = function().start().await.unwrap();
    for (event, context) in [
        ("http-api-post", json!({})),
        ("http-api-post", json!(null)),
        ("http-api-post", json!("text")),
        ("http-api-post", json!([1])),
        ("http-api-post", json!({ "lambda": {} })),
        ("http-api-post", json!({ "lambda": { "sub": "" } })),
        ("http-api-post", json!({ "lambda": { "sub": 7 } })),
        ("http-api-post", json!({ "jwt": {} })),
        ("http-api-post", json!({ "jwt": { "claims": "sub" } })),
        ("http-api-post", json!({ "iam": {} })),
        ("http-api-post", json!({ "iam": { "userId": "" } })),
        ("http-api-post", json!({ "principalId": "user-1" })),
        ("rest-post", json!({ "integrationLatency": 3 })),
        ("rest-post", json!({ "claims": { "name": "x" } })),
        ("alb-post", json!({ "principalId": "user-1", "lambda": { "sub": "user-1" } })),
    ] {
        let (key, by, _) = who(&emulator, event, authorizer(context.clone())).await;
        assert_eq!((key.as_str(), by.as_str()), ("anonymous", "Anonymous"), "{event} {context}");
    }
}

/// A subject as long as it likes, or one that looks like another's digest, is still one caller of its own.
#[tokio::test]
async fn subjects_of_any_length_and_issuers_of_any_text_do_not_meet() {
    let emulator = function().start().await.unwrap();
    let mut keys = Vec::new();
    let long = "s".repeat(5000);
    for (issuer, subject) in
        [("a", "b|c"), ("a|b", "c"), ("a%7Cb", "c"), ("a", long.as_str()), ("a", &long[1..])]
    {
        let context = json!({ "lambda": { "iss": issuer, "sub": subject } });
        let (key, _, _) = who(&emulator, "http-api-post", authorizer(context)).await;
        assert!(key.len() < 400, "{} bytes", key.len());
        assert!(!keys.contains(&key), "{key}");
        keys.push(key);
    }
    let copied = keys[3].split_once('|').unwrap().1.to_owned();
    let context = json!({ "lambda": { "iss": "a", "sub": copied } });
    let (key, _, _) = who(&emulator, "http-api-post", authorizer(context)).await;
    assert!(!keys.contains(&key), "{key}");
}

#[tokio::test]
async fn an_invoker_of_the_function_is_not_anonymous() {
    let emulator = function().start().await.unwrap();
    let event = edited("direct-invoke", |event| event["params"]["name"] = json!("who"));
    let InvocationAnswer::Whole(answer) = answer_of(emulator.invoke(event, None).await.unwrap()).await else {
        panic!("not whole")
    };
    let who: Value = serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!((&who["key"], &who["authenticated_by"]), (&json!("aws|invoke"), &json!("Invoke")));
}

/// The headers that arrive behind an event.
async fn headers(emulator: &Emulator, event: &str, change: impl FnOnce(&mut Value)) -> Value {
    let event = edited(event, |event| {
        for place in ["rawPath", "path"] {
            if event[place].is_string() {
                event[place] = json!("/request");
            }
        }
        change(event);
    });
    let arrived = answer_of(emulator.invoke(event, None).await.unwrap()).await.json();
    let headers = arrived["headers"].as_object().unwrap().iter();
    headers
        .filter(|(name, _)| name.starts_with("x-authorizer-"))
        .map(|(k, v)| (k.clone(), v[0].clone()))
        .collect()
}

#[tokio::test]
async fn the_identity_of_an_ingress_is_forwarded_in_headers_of_its_own() {
    let emulator = function().start().await.unwrap();
    let flat = headers(&emulator, "rest-post-authorizer", |_| {}).await;
    let expected = json!({
        "x-authorizer-user_id": "user-1", "x-authorizer-number_key": "1", "x-authorizer-boolean_key": "true",
    });
    assert_eq!(flat, expected);
    let lambda = headers(&emulator, "http-api-post-lambda-authorizer", |_| {}).await;
    let expected = json!({
        "x-authorizer-user_id": "user-1", "x-authorizer-tenant": r#"{"id":7}"#, "x-authorizer-roles": r#"["admin"]"#,
    });
    assert_eq!(lambda, expected);
    let jwt = headers(&emulator, "http-api-post-jwt", |_| {}).await;
    assert_eq!(jwt["x-authorizer-sub"], "user-1");
    assert_eq!(jwt["x-authorizer-scope"], "mcp:call mcp:read");
    let iam = headers(&emulator, "function-url-post-iam", |_| {}).await;
    assert_eq!(iam["x-authorizer-user_arn"], "arn:aws:iam::111122223333:user/example-user");
    assert_eq!(iam["x-authorizer-access_key"], Value::Null);
}

#[tokio::test]
async fn names_become_snake_case_and_values_no_header_could_hold_are_left_out() {
    let emulator = function().start().await.unwrap();
    let context = json!({ "lambda": {
        "APIKey": "1", "userID": "2", "cognito:username": "3", "Grüße": "4", "already_snake": "5", "kebab-case": "6",
        "line": "a\nb", "accent": "é", "nothing": null, "usageIdentifierKey": "x", "integrationLatency": 1, "principalId": "p",
    } });
    let found = headers(&emulator, "http-api-post", authorizer(context)).await;
    let expected = json!({
        "x-authorizer-api_key": "1", "x-authorizer-user_id": "2", "x-authorizer-cognito-username": "3",
        "x-authorizer-gr--e": "4", "x-authorizer-accent": "é", "x-authorizer-already_snake": "5", "x-authorizer-kebab-case": "6",
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn headers_that_a_client_forges_in_their_name_never_arrive() {
    let emulator = function().start().await.unwrap();
    for event in [
        "function-url-post",
        "http-api-post",
        "rest-post",
        "rest-post-authorizer",
        "alb-post",
        "alb-post-multi-value",
    ] {
        let forge = |event: &mut Value| {
            for name in ["x-authorizer-user_id", "X-Authorizer-Admin", "X-AUTHORIZER-"] {
                if event["headers"].is_object() {
                    event["headers"][name] = json!("forged");
                }
                if event["multiValueHeaders"].is_object() {
                    event["multiValueHeaders"][name] = json!(["forged", "forged"]);
                }
            }
        };
        let found = headers(&emulator, event, forge).await;
        assert!(!found.to_string().contains("forged"), "{event}: {found}");
        assert_eq!(found["x-authorizer-admin"], Value::Null, "{event}");
    }
    for ingress in
        [Ingress::FunctionUrl, Ingress::HttpApi, Ingress::Rest, Ingress::Alb, Ingress::AlbMultiValue]
    {
        let reply = get("/request")
            .header("x-authorizer-user_id", "forged")
            .through_ingress(&emulator, ingress)
            .await;
        let arrived = reply.json().await;
        assert_eq!(arrived["headers"]["x-authorizer-user_id"], Value::Null, "{ingress:?}");
    }
}
