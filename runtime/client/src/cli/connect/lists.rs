//! Lists of a server as text.

use rmcp::{RoleClient, service::Peer};
use serde_json::{Value, json};

use super::known::Known;
use crate::cli::failure::Failure;

/// Reads the lists that the server declares. A server with unknown capabilities has all of them.
pub(super) async fn refresh(peer: &Peer<RoleClient>, known: &Known) -> Result<(), Failure> {
    known.lists().is_stale = false;
    if declares(peer, "tools") {
        tools(peer, known).await?;
    }
    if declares(peer, "prompts") {
        prompts(peer, known).await?;
    }
    if declares(peer, "resources") {
        resources(peer, known).await?;
    }
    Ok(())
}

/// Whether the server declares a capability, or what it declares is not known.
pub(super) fn declares(peer: &Peer<RoleClient>, capability: &str) -> bool {
    match peer.peer_info() {
        Some(info) => json!(info.capabilities)[capability].is_object(),
        None => true,
    }
}

pub(super) async fn tools(peer: &Peer<RoleClient>, known: &Known) -> Result<Value, Failure> {
    let list = json!(peer.list_all_tools().await?);
    known.lists().tools = items(&list);
    Ok(list)
}

pub(super) async fn prompts(peer: &Peer<RoleClient>, known: &Known) -> Result<Value, Failure> {
    let list = json!(peer.list_all_prompts().await?);
    known.lists().prompts = items(&list);
    Ok(list)
}

/// Resources, and templates where the server has such a list.
pub(super) async fn resources(peer: &Peer<RoleClient>, known: &Known) -> Result<Value, Failure> {
    let list = json!(peer.list_all_resources().await?);
    known.lists().resources = items(&list);
    let templates = peer.list_all_resource_templates().await.map(|all| json!(all)).unwrap_or(json!([]));
    known.lists().templates = items(&templates);
    Ok(json!({ "resources": list, "resourceTemplates": templates }))
}

fn items(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

/// Prompts, a line for each.
pub(super) fn prompts_text(list: &Value) -> String {
    let arguments = |prompt: &Value| {
        let all = prompt["arguments"].as_array().into_iter().flatten();
        let one = |argument: &Value| {
            let optional = if argument["required"] == true { "" } else { "?" };
            format!("{}{optional}", text(argument, "name"))
        };
        all.map(one).collect::<Vec<_>>().join(", ")
    };
    let line = |prompt: &Value| {
        format!("{}({})  {}", text(prompt, "name"), arguments(prompt), first_line(prompt))
            .trim_end()
            .to_owned()
    };
    lines(list, line, "The server has no prompts.")
}

/// Resources and templates, a line for each.
pub(super) fn resources_text(lists: &Value) -> String {
    let line = |uri: &'static str| {
        move |item: &Value| {
            format!("{}  {}  {}", text(item, uri), text(item, "name"), first_line(item)).trim_end().to_owned()
        }
    };
    let resources = lines(&lists["resources"], line("uri"), "The server has no resources.");
    match lists["resourceTemplates"].as_array() {
        Some(templates) if !templates.is_empty() => {
            format!("{resources}\n{}", lines(&lists["resourceTemplates"], line("uriTemplate"), ""))
        }
        _ => resources,
    }
}

/// The content of a resource.
pub(super) fn contents_text(result: &Value) -> String {
    let one = |content: &Value| match content["text"].as_str() {
        Some(text) => text.to_owned(),
        None => format!(
            "[{} of {}, {} bytes in base64]",
            text(content, "mimeType"),
            text(content, "uri"),
            text(content, "blob").len()
        ),
    };
    lines(&result["contents"], one, "The resource is empty.")
}

/// The messages of a prompt.
pub(super) fn messages_text(result: &Value) -> String {
    let one = |message: &Value| {
        let content = &message["content"];
        let shown = content["text"].as_str().map_or_else(|| content.to_string(), str::to_owned);
        format!("[{}] {shown}", text(message, "role"))
    };
    lines(&result["messages"], one, "The prompt has no messages.")
}

fn lines(list: &Value, line: impl Fn(&Value) -> String, empty: &str) -> String {
    let lines: Vec<String> = list.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { empty.to_owned() } else { lines.join("\n") }
}

fn text<'v>(item: &'v Value, field: &str) -> &'v str {
    item[field].as_str().unwrap_or_default()
}

fn first_line(item: &Value) -> &str {
    text(item, "description").lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_contents_are_lines() {
        let prompts = json!([{ "name": "p", "description": "Asks.\nMore.", "arguments": [{ "name": "a", "required": true }, { "name": "b" }] }]);
        assert_eq!(prompts_text(&prompts), "p(a, b?)  Asks.");
        assert_eq!(prompts_text(&json!([])), "The server has no prompts.");
        let resources = json!({ "resources": [{ "uri": "a://b", "name": "b" }],
            "resourceTemplates": [{ "uriTemplate": "a://{x}", "name": "x", "description": "any" }] });
        assert_eq!(resources_text(&resources), "a://b  b\na://{x}  x  any");
        let contents = json!({ "contents": [{ "uri": "a", "text": "hi" }, { "uri": "b", "blob": "AA==", "mimeType": "x/y" }] });
        assert_eq!(contents_text(&contents), "hi\n[x/y of b, 4 bytes in base64]");
        let messages = json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": "hi" } },
            { "role": "assistant", "content": { "type": "image" } }] });
        assert_eq!(messages_text(&messages), "[user] hi\n[assistant] {\"type\":\"image\"}");
    }
}
