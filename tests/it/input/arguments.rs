//! Arguments are checked against the input schema of their tool, and each argument error is a result for the model.

use mcp_lambda_server::{
    Config, McpLambdaServer, Server,
    rmcp::{
        ErrorData, ServerHandler,
        handler::server::{router::tool::ToolRouter, wrapper::Parameters},
        schemars::{self, JsonSchema},
        tool, tool_handler, tool_router,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use test_support::{
    built, call, refused, result,
    session::{Client, VERSIONS},
};

/// A server as rmcp's users write it.
#[derive(Clone)]
struct Typed {
    tools: ToolRouter<Self>,
}

#[derive(Deserialize, JsonSchema)]
struct Plan {
    #[schemars(range(min = 1, max = 100))]
    steps: u32,
    #[serde(default)]
    size: Option<Size>,
    #[serde(default)]
    marks: Vec<Mark>,
    #[serde(default)]
    #[schemars(length(max = 3))]
    name: Option<String>,
    #[serde(default)]
    ratio: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

#[derive(Deserialize, JsonSchema)]
struct Mark {
    at: i64,
}

#[tool_router(router = typed_tools)]
impl Typed {
    #[tool(description = "Takes a plan.")]
    async fn plan(&self, Parameters(plan): Parameters<Plan>) -> String {
        let size = plan.size.map_or("none", |size| match size {
            Size::Small => "small",
            Size::Large => "large",
        });
        let marks: Vec<i64> = plan.marks.iter().map(|mark| mark.at).collect();
        format!("{} {size} {marks:?} {:?} {}", plan.steps, plan.name, plan.ratio)
    }

    #[tool(description = "Refuses an argument by itself.")]
    async fn refuses(&self) -> Result<String, ErrorData> {
        Err(ErrorData::invalid_params("source must not begin with aws", None))
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Typed {}

fn server(change: impl Fn(&mut Config)) -> Server {
    let mut config = Config::default();
    change(&mut config);
    built(McpLambdaServer::builder(Typed { tools: Typed::typed_tools() }).config(config)).expect("a server")
}

/// The text of a result that says what is wrong with the arguments, and that nothing more is in it, in every revision.
async fn fault(server: &Server, tool: &str, arguments: &Value) -> String {
    let stateless = result(call(tool, arguments.clone()).send(server).await).await;
    assert_eq!(
        (&stateless["isError"], &stateless["resultType"]),
        (&json!(true), &json!("complete")),
        "{stateless}"
    );
    for version in VERSIONS {
        let client = Client::open(server, version).await;
        let in_session = result(client.call(1, tool, arguments.clone()).send(server).await).await;
        assert_eq!(in_session, json!({ "content": stateless["content"], "isError": true }));
    }
    stateless["content"][0]["text"].as_str().expect("a text").to_owned()
}

async fn said(server: &Server, arguments: Value) -> String {
    let result = result(call("plan", arguments).send(server).await).await;
    assert_eq!(result["isError"], false, "{result}");
    result["content"][0]["text"].as_str().expect("a text").to_owned()
}

/// SEP-1303 and rust-sdk#840: a model reads what is wrong, and can call again.
#[tokio::test(start_paused = true)]
async fn an_argument_that_does_not_fit_its_schema_is_a_result_that_says_how() {
    let server = server(|_| {});
    let faults = [
        (json!({}), "steps is required"),
        (json!({ "steps": 101 }), "steps must be at most 100, not the number 101"),
        (json!({ "steps": 0 }), "steps must be at least 1, not the number 0"),
        (json!({ "steps": -1 }), "steps must be at least 1, not the number -1"),
        (json!({ "steps": "3" }), "steps must be an integer, not the string \"3\""),
        (json!({ "steps": 2.5 }), "steps must be an integer, not the number 2.5"),
        (json!({ "steps": null }), "steps must be an integer, not null"),
        (json!({ "steps": 1, "marks": [{ "at": 1 }, {}] }), "marks[1].at is required"),
        (json!({ "steps": 1, "marks": {} }), "marks must be an array, not an object"),
        (json!({ "steps": 1, "name": "long" }), "name must have at most 3 characters"),
        (json!({ "steps": 1, "ratio": "x".repeat(500) }), "ratio must be a number, not the string"),
    ];
    for (arguments, expected) in faults {
        let text = fault(&server, "plan", &arguments).await;
        assert!(text.starts_with("Invalid arguments for plan: "), "{text}");
        assert!(text.contains(expected), "{arguments}: {text}");
        assert!(text.len() < 300, "{text}");
    }
    let text = fault(&server, "plan", &json!({ "steps": 1, "size": "huge" })).await;
    assert!(text.contains("size "), "{text}");
}

/// The same kind of result when a tool refuses an argument by itself.
#[tokio::test(start_paused = true)]
async fn an_argument_that_a_tool_refuses_is_a_result_too() {
    let text = fault(&server(|_| {}), "refuses", &json!({})).await;
    assert_eq!(text, "Invalid arguments for refuses: source must not begin with aws");
}

/// The checks can be switched off; rmcp then reads the arguments, and its errors speak of JSON as well.
#[tokio::test(start_paused = true)]
async fn without_checks_what_rmcp_cannot_read_is_the_same_kind_of_result() {
    let server = server(|config| config.argument_checks = false);
    assert_eq!(said(&server, json!({ "steps": 101 })).await, "101 none [] None 0");
    let text = fault(&server, "plan", &json!({})).await;
    assert_eq!(text, "Invalid arguments for plan: arguments.steps is required");
    let text = fault(&server, "plan", &json!({ "steps": "3" })).await;
    assert_eq!(
        text,
        "Invalid arguments for plan: a value of the arguments must be an integer of 0 or more, not the string \"3\""
    );
}

#[tokio::test(start_paused = true)]
async fn the_builder_switches_the_checks_off() {
    let builder = McpLambdaServer::builder(Typed { tools: Typed::typed_tools() }).config(Config::default());
    let server = built(builder.argument_checks(false)).expect("a server");
    assert_eq!(said(&server, json!({ "steps": 101 })).await, "101 none [] None 0");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tool_stays_a_protocol_error_and_is_named() {
    let (_, code, body) = refused(call("none", json!({})).send(&server(|_| {})).await).await;
    assert_eq!((code, &body["error"]["message"]), (-32602, &json!("unknown tool: none")));
}

/// <https://json-schema.org/draft/2020-12/json-schema-core#section-4.2.3>: a number without a fraction is an integer.
#[tokio::test(start_paused = true)]
async fn integers_may_be_written_as_floats_wherever_the_schema_says_integer() {
    for checked in [true, false] {
        let server = server(|config| config.argument_checks = checked);
        let raw = |text: &str| {
            let arguments: Value = serde_json::from_str(text).expect("JSON");
            said(&server, arguments)
        };
        assert_eq!(raw("{\"steps\":2.0}").await, "2 none [] None 0");
        assert_eq!(
            raw("{\"steps\":1e1,\"marks\":[{\"at\":-3.0}],\"ratio\":2.0}").await,
            "10 none [-3] None 2"
        );
        assert_eq!(
            raw("{\"steps\":1,\"name\":null,\"size\":null}").await,
            "1 none [] None 0",
            "null is absent"
        );
    }
}
