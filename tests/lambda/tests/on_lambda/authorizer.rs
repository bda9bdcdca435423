//! The authorizer: what API Gateway asks before it invokes the function, and the answers.

use lambda_emulator::Emulator;
use local_issuer::{Issuer, Outage, SCOPE, cases};
use serde_json::{Value, json};

use crate::support::*;

async fn authorizer(issuer: &Issuer) -> Emulator {
    let function = function().env("MCP_JWT_ISSUER", issuer.url()).env("MCP_JWT_AUDIENCE", "mcp");
    function.env("MCP_JWT_SCOPES", SCOPE).start().await.unwrap()
}

/// The kinds of events, and where the token stands in each.
const KINDS: [&str; 3] = ["authorizer-request", "authorizer-token", "authorizer-http-api"];

fn with_token(kind: &str, authorization: &str) -> String {
    edited(kind, |event| match kind {
        "authorizer-token" => event["authorizationToken"] = json!(authorization),
        "authorizer-request" => {
            event["headers"]["authorization"] = json!(authorization);
            event["multiValueHeaders"]["authorization"] = json!([authorization]);
        }
        _ => event["headers"]["authorization"] = json!(authorization),
    })
}

async fn asked(emulator: &Emulator, event: String) -> InvocationAnswer {
    answer_of(emulator.invoke(event, None).await.unwrap()).await
}

fn whole(answer: InvocationAnswer) -> Value {
    match answer {
        InvocationAnswer::Whole(answer) => answer,
        other => panic!("not an answer: {other:?}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the function has no other clock")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn token(issuer: &Issuer) -> local_issuer::Token {
    issuer.token("ada").claim("scope", "mcp:call openid").claim("tenant", "t-1").claim("admin", true)
}

#[tokio::test]
async fn a_good_token_opens_the_whole_stage() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = authorizer(&issuer).await;
    let token = token(&issuer).claim("groups", json!(["a"])).claim("long", "x".repeat(1000)).sign();
    for (kind, resource) in [
        ("authorizer-request", "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*"),
        ("authorizer-token", "arn:aws:execute-api:us-west-2:123456789012:ymy8tbxw7b/*/*"),
    ] {
        let answer = whole(asked(&emulator, with_token(kind, &format!("Bearer {token}"))).await);
        assert_eq!(answer["principalId"], "ada", "{kind}");
        let statement = json!([{ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": resource }]);
        assert_eq!(answer["policyDocument"], json!({ "Version": "2012-10-17", "Statement": statement }));
        let context = answer["context"].as_object().unwrap();
        assert_eq!(context["iss"], issuer.url());
        assert_eq!((&context["sub"], &context["scope"]), (&json!("ada"), &json!("mcp:call openid")));
        assert_eq!((&context["tenant"], &context["admin"]), (&json!("t-1"), &json!(true)));
        // API Gateway refuses an answer with anything else in it.
        assert!(
            context.values().all(|value| !value.is_array() && !value.is_object() && !value.is_null()),
            "{context:?}"
        );
        assert!(!context.contains_key("long") && answer.to_string().len() < 2000);
    }
}

#[tokio::test]
async fn an_http_api_gets_yes_or_no() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = authorizer(&issuer).await;
    let yes = whole(
        asked(&emulator, with_token("authorizer-http-api", &format!("Bearer {}", token(&issuer).sign())))
            .await,
    );
    assert_eq!((&yes["isAuthorized"], &yes["context"]["sub"]), (&json!(true), &json!("ada")));
    let few = token(&issuer).claim("scope", "openid").sign();
    let no = whole(asked(&emulator, with_token("authorizer-http-api", &format!("Bearer {few}"))).await);
    assert_eq!(no, json!({ "isAuthorized": false }));
}

/// The same tokens are taken as in the function itself, and `Unauthorized` is the word that makes a 401.
#[tokio::test]
async fn each_token_gives_the_same_access_as_without_an_authorizer() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = authorizer(&issuer).await;
    for case in cases(&issuer, now()) {
        let [authorization] = case.authorization.as_slice() else { continue };
        if case.name.contains("leeway") {
            continue;
        }
        for kind in KINDS {
            let answer = asked(&emulator, with_token(kind, authorization)).await;
            match case.status {
                200 if kind == "authorizer-http-api" => {
                    assert_eq!(whole(answer)["isAuthorized"], true, "{}", case.name);
                }
                200 => assert_eq!(effect(answer), "Allow", "{}", case.name),
                403 if kind == "authorizer-http-api" => {
                    assert_eq!(whole(answer)["isAuthorized"], false, "{}", case.name);
                }
                403 => assert_eq!(effect(answer), "Deny", "{}", case.name),
                _ => assert_eq!(
                    answer.error(),
                    ("Unauthorized".to_owned(), "Unauthorized".to_owned()),
                    "{}",
                    case.name
                ),
            }
        }
    }
}

fn effect(answer: InvocationAnswer) -> String {
    whole(answer)["policyDocument"]["Statement"][0]["Effect"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_event_without_a_token_is_unauthorized() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = authorizer(&issuer).await;
    let unauthorized = ("Unauthorized".to_owned(), "Unauthorized".to_owned());
    assert_eq!(asked(&emulator, fixture("authorizer-request")).await.error(), unauthorized);
    let bare = edited("authorizer-http-api", |event| event["headers"] = Value::Null);
    assert_eq!(asked(&emulator, bare).await.error(), unauthorized);
}

/// An answer would be kept, and would keep people out, or in: an error is not kept.
#[tokio::test]
async fn an_issuer_that_fails_is_an_error_and_no_answer() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = authorizer(&issuer).await;
    issuer.suffer(Outage::Failing);
    let authorization = format!("Bearer {}", token(&issuer).sign());
    for kind in KINDS {
        assert_eq!(
            asked(&emulator, with_token(kind, &authorization)).await.error().0,
            "Unavailable",
            "{kind}"
        );
    }
}

#[tokio::test]
async fn an_arn_that_is_none_fails_its_invocation_alone() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = authorizer(&issuer).await;
    for arn in
        ["", "arn:", "*", "arn:aws:execute-api", "arn:aws:execute-api:a:b:c", "arn:x/", "arn:/a/b", "a/b/c"]
    {
        let event = edited("authorizer-token", |event| event["methodArn"] = json!(arn));
        assert_eq!(asked(&emulator, event).await.error().0, "InvalidEvent", "{arn}");
    }
    let event = edited("authorizer-token", |event| event["authorizationToken"] = json!(7));
    assert_eq!(asked(&emulator, event).await.error().0, "InvalidEvent");
    assert_eq!(emulator.environments().len(), 1);
}

/// What the authorizer says makes the same caller of a token as the function makes of it itself.
#[tokio::test]
async fn the_function_behind_knows_the_caller_again() {
    let issuer = Issuer::start().await.unwrap();
    let (asks, behind) =
        (authorizer(&issuer).await, function().env("MCP_AUTH", "gateway").start().await.unwrap());
    let token = token(&issuer).sign();
    let who = async |emulator: &Emulator, event: String| -> Value {
        let answer = asked(emulator, event).await.json();
        serde_json::from_str(
            answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")),
        )
        .unwrap()
    };
    let asks_who = |event: &mut Value| {
        event["body"] = json!(event["body"].as_str().unwrap().replace("\"echo\"", "\"who\""));
        for name in ["mcp-name", "Mcp-Name"] {
            if event["headers"][name].is_string() {
                event["headers"][name] = json!("who");
            }
            if event["multiValueHeaders"][name].is_array() {
                event["multiValueHeaders"][name] = json!(["who"]);
            }
        }
    };
    let direct = who(
        &asks,
        edited("function-url-post", |event| {
            asks_who(event);
            event["headers"]["authorization"] = json!(format!("Bearer {token}"));
        }),
    )
    .await;
    let rest = whole(asked(&asks, with_token("authorizer-request", &format!("Bearer {token}"))).await);
    let rest = who(
        &behind,
        edited("rest-post", |event| {
            asks_who(event);
            // As API Gateway passes it on: every value a text.
            let texts = rest["context"].as_object().unwrap().iter();
            let mut context: Value = texts
                .map(|(name, value)| {
                    (name.clone(), json!(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                })
                .collect();
            context["principalId"] = rest["principalId"].clone();
            event["requestContext"]["authorizer"] = context;
        }),
    )
    .await;
    let http = whole(asked(&asks, with_token("authorizer-http-api", &format!("Bearer {token}"))).await);
    let http = who(
        &behind,
        edited("http-api-post", |event| {
            asks_who(event);
            event["requestContext"]["authorizer"] = json!({ "lambda": http["context"] });
        }),
    )
    .await;
    for seen in [&rest, &http] {
        assert_eq!((&seen["key"], &seen["scopes"]), (&direct["key"], &direct["scopes"]));
        assert_eq!(seen["authenticated_by"], "Authorizer");
    }
    assert_eq!(direct["authenticated_by"], "Token");
}
