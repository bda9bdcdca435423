//! What a tool sees of its invocation, and the tenants of a function that isolates them.
#![allow(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

use mcp_lambda_server::{
    Invocation, McpContext,
    rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ServerCapabilities,
            ServerConfig,
        },
        service::RequestContext,
    },
};
use serde_json::{Value, json};

use super::runtime_api::{Lambda, Wire};

type Context = RequestContext<RoleServer>;

const EVENT: &str = include_str!("../../fixtures/events/rest-post-authorizer.json");
const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:server:live";

#[derive(Clone)]
struct Witness;

impl ServerHandler for Witness {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = match &*request.name {
            "witness" => witness(&context).to_string(),
            name => {
                let state = context.handles()?.open(name);
                state.update("count", |count: Option<u64>| count.unwrap_or(0) + 1).await?.to_string()
            }
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

fn witness(context: &Context) -> Value {
    let seen: &Invocation = context.invocation().unwrap();
    json!({
        "requestId": seen.request_id(),
        "arn": seen.invoked_arn(),
        "deadline": seen.deadline().map(|at| at.as_millis()),
        "trace": seen.trace_header(),
        "tenant": seen.tenant_id(),
        "clientContext": seen.client_context(),
        "cognitoIdentity": seen.cognito_identity(),
        "sourceIp": seen.source_ip(),
        "stage": seen.stage(),
        "path": seen.path_parameters(),
        "stageVariables": seen.stage_variables(),
        "authorizer": seen.authorizer(),
        "principal": context.principal().key(),
        "isAnonymous": context.principal().is_anonymous(),
    })
}

/// The event of a REST API for a call of a tool.
fn call(tool: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    let mut message: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    message["params"]["name"] = tool.into();
    event["body"] = message.to_string().into();
    event["multiValueHeaders"]["Mcp-Name"] = json!([tool]);
    change(&mut event);
    event
}

/// The text that the tool returns.
async fn text(worker: &mut Wire) -> String {
    let (line, body) = worker.answer().await;
    assert!(line.ends_with("/response HTTP/1.1"), "{line}: {body}");
    let response: Value = serde_json::from_str(&body).unwrap();
    let message: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    message["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
}

/// `lambda_runtime` gives it in its `Context`, and `lambda_http` in the extensions of a request.
#[tokio::test]
async fn a_tool_sees_what_lambda_and_the_gateway_know_of_its_invocation() {
    let (_lambda, mut worker) = Lambda::ready_with(Witness).await;
    let headers = [
        ("Lambda-Runtime-Deadline-Ms", "99999999999999"),
        ("Lambda-Runtime-Invoked-Function-Arn", ARN),
        ("Lambda-Runtime-Trace-Id", "Root=1-2-3"),
        ("Lambda-Runtime-Client-Context", r#"{"custom":{"a":1}}"#),
        ("Lambda-Runtime-Cognito-Identity", r#"{"cognitoIdentityId":"i"}"#),
        ("Lambda-Runtime-Aws-Tenant-Id", "acme"),
    ];
    let event = call("witness", |event| event["stageVariables"] = json!({ "colour": "blue" }));
    worker.event("one", &headers, &event).await;
    let seen: Value = serde_json::from_str(&text(&mut worker).await).unwrap();
    assert_eq!(
        seen,
        json!({
            "requestId": "one",
            "arn": ARN,
            "deadline": 99_999_999_999_999_u64,
            "trace": "Root=1-2-3",
            "tenant": "acme",
            "clientContext": { "custom": { "a": 1 } },
            "cognitoIdentity": { "cognitoIdentityId": "i" },
            "sourceIp": "205.255.255.176",
            "stage": "prod",
            "path": { "proxy": "mcp" },
            "stageVariables": { "colour": "blue" },
            "authorizer": event["requestContext"]["authorizer"],
            "principal": "%tenant:acme|authorizer|user-1",
            "isAnonymous": false,
        })
    );
}

#[tokio::test]
async fn what_an_event_does_not_say_of_its_invocation_is_none() {
    let (_lambda, mut worker) = Lambda::ready_with(Witness).await;
    let event = call("witness", |event| {
        for field in ["authorizer", "stage", "identity"] {
            event["requestContext"][field] = Value::Null;
        }
        event["pathParameters"] = Value::Null;
    });
    let headers = [
        ("Lambda-Runtime-Client-Context", ""),
        ("Lambda-Runtime-Cognito-Identity", ""),
        ("Lambda-Runtime-Aws-Tenant-Id", ""),
    ];
    worker.event("one", &headers, &event).await;
    let seen: Value = serde_json::from_str(&text(&mut worker).await).unwrap();
    for (name, value) in seen.as_object().unwrap() {
        match name.as_str() {
            "requestId" => assert_eq!(value, "one"),
            "path" | "stageVariables" => assert_eq!(*value, json!({}), "{name}"),
            "principal" => assert_eq!(value, "anonymous"),
            "isAnonymous" => assert_eq!(*value, json!(true)),
            _ => assert_eq!(*value, Value::Null, "{name}"),
        }
    }
}

/// With or without authentication: the same user, and callers without a name, are others in another tenant.
#[tokio::test]
async fn tenants_share_no_state() {
    for is_authenticated in [true, false] {
        let (_lambda, mut worker) = Lambda::ready_with(Witness).await;
        let mut counts = Vec::new();
        for tenant in ["acme", "other", "acme", "a|b", "", "other"] {
            let event = call("count", |event| {
                if !is_authenticated {
                    event["requestContext"]["authorizer"] = Value::Null;
                }
            });
            worker.event("one", &[("Lambda-Runtime-Aws-Tenant-Id", tenant)], &event).await;
            counts.push(text(&mut worker).await);
        }
        assert_eq!(counts, ["1", "1", "2", "1", "1", "2"], "authenticated: {is_authenticated}");
    }
}

/// A client cannot choose its tenant: the header counts only from the Runtime API.
#[tokio::test]
async fn a_header_of_a_client_names_no_tenant() {
    let (_lambda, mut worker) = Lambda::ready_with(Witness).await;
    let event = call("witness", |event| {
        for name in ["Lambda-Runtime-Aws-Tenant-Id", "X-Amz-Tenant-Id"] {
            event["multiValueHeaders"][name] = json!(["acme"]);
        }
    });
    worker.event("one", &[], &event).await;
    let seen: Value = serde_json::from_str(&text(&mut worker).await).unwrap();
    assert_eq!((&seen["tenant"], &seen["principal"]), (&Value::Null, &json!("authorizer|user-1")));
}
