//! The schemas of `tools/list`, of a handler whose arguments have every trait that a derived schema stumbles over.

#![allow(dead_code, reason = "the fields are in the schemas")]

use std::{collections::BTreeMap, sync::Arc};

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::{common::schema_for_type, tool::schema_for_output},
    model::{JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool},
    schemars::{self, JsonSchema},
    service::RequestContext,
};
use mcp_lambda_server::{Config, McpLambdaServer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use test_support::stateless;

#[derive(Serialize, Deserialize, JsonSchema)]
enum Colour {
    Red,
    Green,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Inner {
    zulu: Option<i64>,
    alpha: f32,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Everything {
    zebra: i64,
    yak: u32,
    #[schemars(range(max = 5))]
    xerus: u8,
    walrus: Option<String>,
    vole: Option<Colour>,
    urchin: Option<Inner>,
    tapir: Value,
    skunk: Vec<Value>,
    rat: BTreeMap<String, i32>,
    #[serde(default)]
    quail: Option<usize>,
    penguin: (i16, String),
    ox: Option<Vec<f64>>,
}

#[derive(Clone)]
struct Schemas;

impl ServerHandler for Schemas {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut derived = Tool::new("derived", "Derived of a type", schema_for_type::<Everything>());
        derived.output_schema = Some(schema_for_output::<Everything>());
        let written = Tool::new("written", "Written by hand", written());
        Ok(ListToolsResult::with_all_items(vec![derived, written]))
    }
}

/// A schema of which every keyword is meant.
fn written() -> Arc<JsonObject> {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "b": { "type": ["string", "integer"], "format": "date-time", "x-mcp-header": "B" },
            "a": { "$ref": "#/$defs/a" },
        },
        "$defs": { "a": { "$anchor": "a", "type": "string", "default": "x" } },
        "required": ["b", "a"],
        "x-of-ours": { "$schema": 1 },
    });
    Arc::new(schema.as_object().expect("an object").clone())
}

async fn tools() -> Value {
    let server = McpLambdaServer::builder(Schemas).config(Config::default()).build().await.expect("a server");
    let mut listed = Vec::new();
    for _ in 0..2 {
        listed.push(
            stateless("tools/list", json!({})).send(&server).await.json().await["result"]["tools"].clone(),
        );
    }
    assert_eq!(listed[0].to_string(), listed[1].to_string(), "the second list is the first");
    listed.remove(0)
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn an_optional_property_has_the_type_of_its_value_and_no_null() {
    let tools = tools().await;
    let input = &tools[0]["inputSchema"];
    let properties = &input["properties"];
    assert_eq!(properties["walrus"], json!({ "type": "string" }));
    assert_eq!(properties["vole"], json!({ "$ref": "#/$defs/Colour" }));
    assert_eq!(properties["urchin"], json!({ "$ref": "#/$defs/Inner" }));
    assert_eq!(properties["quail"], json!({ "type": "integer", "minimum": 0 }));
    assert_eq!(properties["ox"], json!({ "type": "array", "items": { "type": "number" } }));
    assert_eq!(input["$defs"]["Inner"]["properties"]["zulu"], json!({ "type": "integer" }));
    for name in ["walrus", "vole", "urchin", "quail", "ox"] {
        let required = input["required"].as_array().expect("a list");
        assert!(!required.contains(&name.into()), "{name}");
    }
    // Of an output they are kept: serde writes null where there is no value.
    assert_eq!(tools[0]["outputSchema"]["properties"]["walrus"]["type"], json!(["string", "null"]));
}

/// <https://github.com/anomalyco/opencode/issues/31002>
#[tokio::test]
async fn no_schema_has_a_format_of_rust_and_its_bounds_say_the_same() {
    let tools = tools().await;
    for schema in [&tools[0]["inputSchema"], &tools[0]["outputSchema"]] {
        assert!(!schema.to_string().contains("\"format\""), "{schema}");
        assert_eq!(schema["properties"]["zebra"], json!({ "type": "integer" }));
        assert_eq!(
            schema["properties"]["yak"],
            json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
        );
        assert_eq!(schema["properties"]["xerus"], json!({ "type": "integer", "minimum": 0, "maximum": 5 }));
        let items = &schema["properties"]["rat"]["additionalProperties"];
        assert_eq!(*items, json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }));
    }
}

/// <https://github.com/google-gemini/gemini-cli/issues/17235>
#[tokio::test]
async fn no_property_and_no_item_is_without_a_type() {
    let tools = tools().await;
    let properties = &tools[0]["inputSchema"]["properties"];
    let kinds = |schema: &Value| -> Vec<String> {
        let choices = schema["anyOf"].as_array().expect("choices");
        choices.iter().map(|choice| choice["type"].as_str().expect("a type").to_owned()).collect()
    };
    assert_eq!(kinds(&properties["tapir"]), ["string", "number", "boolean", "object", "array"]);
    assert_eq!(kinds(&properties["skunk"]["items"]), ["string", "number", "boolean", "object", "array"]);
    assert!(properties["penguin"]["prefixItems"].is_array(), "a tuple says it itself");
}

#[tokio::test]
async fn properties_are_listed_in_the_order_in_which_they_were_declared() {
    let tools = tools().await;
    let declared = [
        "zebra", "yak", "xerus", "walrus", "vole", "urchin", "tapir", "skunk", "rat", "quail", "penguin",
        "ox",
    ];
    assert_eq!(keys(&tools[0]["inputSchema"]["properties"]), declared);
    assert_eq!(keys(&tools[0]["inputSchema"]["$defs"]["Inner"]["properties"]), ["zulu", "alpha"]);
    assert_eq!(keys(&tools[1]["inputSchema"]["properties"]), ["b", "a"]);
}

/// ai-memory#735: clients of an older draft refuse the name of a newer one.
#[tokio::test]
async fn a_derived_schema_names_no_dialect_and_a_schema_that_was_written_keeps_every_keyword() {
    let tools = tools().await;
    for schema in ["inputSchema", "outputSchema"] {
        assert_eq!(tools[0][schema].get("$schema"), None, "{schema}");
    }
    assert_eq!(tools[1]["inputSchema"], Value::Object((*written()).clone()));
}
