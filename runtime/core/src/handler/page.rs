//! What layers read and change of a result, whether it is one of rmcp's types or the JSON of another server.

use rmcp::model::{CacheScope, Resource, ResourceTemplate, ServerResult};
use serde_json::{Map, Value, json};

/// The cursor of the next page of a list.
pub(super) fn next_cursor(result: &ServerResult) -> Option<&str> {
    match result {
        ServerResult::ListToolsResult(page) => page.next_cursor.as_deref(),
        ServerResult::ListPromptsResult(page) => page.next_cursor.as_deref(),
        ServerResult::ListResourcesResult(page) => page.next_cursor.as_deref(),
        ServerResult::ListResourceTemplatesResult(page) => page.next_cursor.as_deref(),
        ServerResult::ListSkillsResult(page) => page.next_cursor.as_deref(),
        ServerResult::CustomResult(page) => page.0.get("nextCursor").and_then(Value::as_str),
        _ => None,
    }
}

/// Leaves tools out of a list, by their names.
pub(super) fn retain_tools(result: &mut ServerResult, is_kept: impl Fn(&str) -> bool) {
    match result {
        ServerResult::ListToolsResult(page) => page.tools.retain(|tool| is_kept(&tool.name)),
        ServerResult::CustomResult(page) => {
            if let Some(tools) = page.0.get_mut("tools").and_then(Value::as_array_mut) {
                tools.retain(|tool| tool["name"].as_str().is_some_and(&is_kept));
            }
        }
        _ => {}
    }
}

/// What clients see of a tool. `None`: as the handler lists it.
#[cfg(feature = "tool-definitions")]
pub(super) struct Definition<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) title: Option<&'a str>,
    pub(super) description: Option<&'a str>,
}

/// Gives tools of a list other names and texts, by the names that the handler lists.
#[cfg(feature = "tool-definitions")]
pub(super) fn define_tools<'a>(
    result: &mut ServerResult,
    definition: impl Fn(&str) -> Option<Definition<'a>>,
) {
    match result {
        ServerResult::ListToolsResult(page) => {
            for tool in &mut page.tools {
                let Some(Definition { name, title, description }) = definition(&tool.name) else { continue };
                if let Some(name) = name {
                    tool.name = name.to_owned().into();
                }
                if let Some(title) = title {
                    tool.title = Some(title.to_owned());
                }
                if let Some(description) = description {
                    tool.description = Some(description.to_owned().into());
                }
            }
        }
        ServerResult::CustomResult(page) => {
            for tool in page.0.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(found) = tool["name"].as_str().and_then(&definition) else { continue };
                let texts =
                    [("name", found.name), ("title", found.title), ("description", found.description)];
                for (key, text) in texts {
                    if let Some(text) = text {
                        tool[key] = text.into();
                    }
                }
            }
        }
        _ => {}
    }
}

/// Makes a list one that no cache may give to another caller.
pub(super) fn make_private(result: &mut ServerResult) {
    match result {
        ServerResult::ListToolsResult(page) => page.cache_scope = Some(CacheScope::Private),
        ServerResult::CustomResult(page) => {
            if let Some(scope) = page.0.get_mut("cacheScope") {
                *scope = json!(CacheScope::Private);
            }
        }
        _ => {}
    }
}

/// Adds resources behind those of a page.
pub(super) fn add_resources(result: &mut ServerResult, more: Vec<Resource>, next_cursor: Option<String>) {
    match result {
        ServerResult::ListResourcesResult(page) => {
            page.resources.extend(more);
            page.next_cursor = next_cursor;
        }
        ServerResult::CustomResult(page) => {
            add(&mut page.0, "resources", more.into_iter().map(|resource| json!(resource)));
            if let (Some(cursor), Some(page)) = (next_cursor, page.0.as_object_mut()) {
                page.insert("nextCursor".to_owned(), cursor.into());
            }
        }
        _ => {}
    }
}

/// Adds a template behind those of a page.
pub(super) fn add_template(result: &mut ServerResult, template: ResourceTemplate) {
    match result {
        ServerResult::ListResourceTemplatesResult(page) => page.resource_templates.push(template),
        ServerResult::CustomResult(page) => {
            add(&mut page.0, "resourceTemplates", std::iter::once(json!(template)));
        }
        _ => {}
    }
}

fn add(page: &mut Value, key: &str, more: impl Iterator<Item = Value>) {
    let entry = page
        .as_object_mut()
        .map(|page: &mut Map<String, Value>| page.entry(key).or_insert_with(|| json!([])));
    if let Some(items) = entry.and_then(Value::as_array_mut) {
        items.extend(more);
    }
}

/// The URIs of a page of resources.
pub(super) fn resource_uris(result: &ServerResult) -> Vec<&str> {
    match result {
        ServerResult::ListResourcesResult(page) => {
            page.resources.iter().map(|resource| resource.uri.as_str()).collect()
        }
        ServerResult::CustomResult(page) => {
            let resources = page.0.get("resources").and_then(Value::as_array);
            resources.into_iter().flatten().filter_map(|resource| resource["uri"].as_str()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CustomResult, ListToolsResult, Tool};

    use super::*;

    fn both() -> [ServerResult; 2] {
        let tools = ["a", "b"].map(|name| Tool::new(name, "", Map::new()));
        let mut typed = ListToolsResult::with_all_items(tools.to_vec());
        typed.next_cursor = Some("2".to_owned());
        let mut json = json!(typed);
        json["cacheScope"] = "public".into();
        json["tools"][0]["unknown"] = true.into();
        [ServerResult::ListToolsResult(typed), ServerResult::CustomResult(CustomResult(json))]
    }

    #[test]
    fn a_list_of_another_server_loses_the_tools_that_a_layer_takes_away_and_nothing_else() {
        for mut result in both() {
            assert_eq!(next_cursor(&result), Some("2"));
            let is_json = matches!(result, ServerResult::CustomResult(_));
            retain_tools(&mut result, |name| name == "a");
            make_private(&mut result);
            let json = json!(result);
            assert_eq!(
                (json["tools"].as_array().map(Vec::len), &json["tools"][0]["name"]),
                (Some(1), &json!("a"))
            );
            assert_eq!(json["cacheScope"], "private");
            assert_eq!(json["tools"][0]["unknown"] == true, is_json);
        }
    }

    #[test]
    fn resources_and_templates_are_added_to_a_page_of_another_server() {
        let mut page =
            ServerResult::CustomResult(CustomResult(json!({ "resources": [{ "uri": "a:b", "x": 1 }] })));
        add_resources(&mut page, vec![Resource::new("event://s/t", "t")], Some("next".to_owned()));
        assert_eq!(resource_uris(&page), ["a:b", "event://s/t"]);
        assert_eq!((&json!(page)["resources"][0]["x"], next_cursor(&page)), (&json!(1), Some("next")));
        let mut page = ServerResult::CustomResult(CustomResult(json!({})));
        add_template(&mut page, ResourceTemplate::new("event://{s}/{t}", "events"));
        assert_eq!(json!(page)["resourceTemplates"][0]["name"], "events");
    }
}
