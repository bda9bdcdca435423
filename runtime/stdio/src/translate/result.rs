//! The result of a child, as the client reads it.

use mcp_lambda_core::protocol::{Era, Method};
use rmcp::{
    ErrorData,
    model::{CustomResult, InputRequiredResult, ServerResult},
};
use serde_json::{Map, Value, json};

use super::SERVER_INFO;
use crate::child::{Handshake, Speaks};

/// Whether a result asks the client for something.
pub(crate) fn asks(result: &Value) -> bool {
    result["resultType"] == "input_required"
}

/// Makes the result of a child one of the era of its client. What only the other era has is taken away or filled in; all else stays as
/// the child wrote it.
pub(crate) fn for_client(
    era: Era,
    method: &Method,
    handshake: &Handshake,
    mut result: Value,
) -> Result<ServerResult, ErrorData> {
    if era == Era::Stateless && asks(&result) {
        let asks: InputRequiredResult = serde_json::from_value(result).map_err(|error| {
            ErrorData::internal_error(format!("the server asks with what is no input request: {error}"), None)
        })?;
        return Ok(ServerResult::InputRequiredResult(asks));
    }
    let Value::Object(object) = &mut result else {
        let text = format!("the server answers {method} with what is no object");
        return Err(ErrorData::internal_error(text, None));
    };
    if *method == Method::ListTools {
        without_child_tasks(object);
    }
    match era {
        Era::Session if handshake.speaks == Speaks::Stateless => for_session(method, object),
        Era::Session => {}
        Era::Stateless => for_stateless(method, handshake, object),
    }
    Ok(ServerResult::CustomResult(CustomResult(result)))
}

/// Tasks of the child are not offered: `execution.taskSupport` would promise them.
fn without_child_tasks(page: &mut Map<String, Value>) {
    for tool in page.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(tool) = tool.as_object_mut() else { continue };
        let Some(execution) = tool.get_mut("execution").and_then(Value::as_object_mut) else { continue };
        execution.shift_remove("taskSupport");
        if execution.is_empty() {
            tool.shift_remove("execution");
        }
    }
}

/// Revisions up to 2025-11-25 have no types of results, no hints for caches, and structured content that is an object.
fn for_session(method: &Method, result: &mut Map<String, Value>) {
    for key in ["resultType", "ttlMs", "cacheScope"] {
        result.shift_remove(key);
    }
    if let Some(meta) = result.get_mut("_meta").and_then(Value::as_object_mut) {
        meta.shift_remove(SERVER_INFO);
        if meta.is_empty() {
            result.shift_remove("_meta");
        }
    }
    match method {
        Method::ListTools => {
            for tool in result.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
                let is_object = tool["outputSchema"]["type"] == "object";
                if let (false, Some(tool)) = (is_object, tool.as_object_mut()) {
                    tool.shift_remove("outputSchema");
                }
            }
        }
        Method::CallTool => {
            let is_object = result.get("structuredContent").is_none_or(Value::is_object);
            if !is_object && let Some(structured) = result.shift_remove("structuredContent") {
                as_text(result, &structured);
            }
        }
        _ => {}
    }
}

/// Shows structured content as text, unless the content has it already.
fn as_text(result: &mut Map<String, Value>, structured: &Value) {
    let content = result.entry("content").or_insert_with(|| json!([]));
    let Some(blocks) = content.as_array_mut() else { return };
    let is_shown = blocks.iter().any(|block| {
        let text = block["text"].as_str();
        text.and_then(|text| serde_json::from_str::<Value>(text).ok()).as_ref() == Some(structured)
    });
    if !is_shown {
        blocks.insert(0, json!({ "type": "text", "text": structured.to_string() }));
    }
}

/// 2026-07-28 requires hints for caches of some results, and names the server in each.
fn for_stateless(method: &Method, handshake: &Handshake, result: &mut Map<String, Value>) {
    let is_cacheable = matches!(
        method,
        Method::ListTools
            | Method::ListPrompts
            | Method::ListResources
            | Method::ListResourceTemplates
            | Method::ReadResource
            | Method::ListSkills
            | Method::GetSkill
    );
    if is_cacheable {
        result.entry("ttlMs").or_insert_with(|| 0.into());
        result.entry("cacheScope").or_insert_with(|| "private".into());
    }
    let meta = result.entry("_meta").or_insert_with(|| json!({}));
    if let Some(meta) = meta.as_object_mut() {
        meta.entry(SERVER_INFO).or_insert_with(|| json!(handshake.info.server_info));
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{ServerCapabilities, ServerConfig};

    use super::*;

    fn handshake(speaks: Speaks) -> Handshake {
        let info = ServerConfig::new(ServerCapabilities::default());
        Handshake { speaks, version: "", info }
    }

    #[expect(clippy::needless_pass_by_value, reason = "each value is made for its test")]
    fn translated(era: Era, speaks: Speaks, method: Method, result: Value) -> Value {
        let result = for_client(era, &method, &handshake(speaks), result).expect("a result");
        serde_json::to_value(result).expect("JSON")
    }

    #[test]
    fn unknown_fields_pass_in_every_pair_of_eras() {
        let sent = json!({ "content": [{ "type": "hologram", "x": 1 }], "later": { "a": [null] } });
        for era in [Era::Session, Era::Stateless] {
            for speaks in [Speaks::Session, Speaks::Stateless] {
                let result = translated(era, speaks, Method::CallTool, sent.clone());
                assert_eq!((&result["content"], &result["later"]), (&sent["content"], &sent["later"]));
            }
        }
    }

    #[test]
    fn a_client_of_2025_sees_nothing_that_only_2026_has() {
        let sent = json!({
            "resultType": "complete", "ttlMs": 5, "cacheScope": "public", "_meta": { SERVER_INFO: { "name": "x" } },
            "tools": [{ "name": "a", "outputSchema": { "type": "array" } }, { "name": "b", "outputSchema": { "type": "object" } }],
        });
        let result = translated(Era::Session, Speaks::Stateless, Method::ListTools, sent);
        assert_eq!(
            result,
            json!({ "tools": [{ "name": "a" }, { "name": "b", "outputSchema": { "type": "object" } }] })
        );
        let call = json!({ "resultType": "complete", "content": [], "structuredContent": [1, 2] });
        let result = translated(Era::Session, Speaks::Stateless, Method::CallTool, call);
        assert_eq!(result, json!({ "content": [{ "type": "text", "text": "[1,2]" }] }));
    }

    #[test]
    fn a_client_of_2026_gets_the_hints_that_a_server_of_2025_does_not_give() {
        let result =
            translated(Era::Stateless, Speaks::Session, Method::ListPrompts, json!({ "prompts": [] }));
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
        assert!(result["_meta"][SERVER_INFO]["name"].is_string());
    }

    #[test]
    fn a_result_that_is_no_object_is_an_error() {
        assert!(
            for_client(Era::Session, &Method::CallTool, &handshake(Speaks::Session), json!(null)).is_err()
        );
    }
}
