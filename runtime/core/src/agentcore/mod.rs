//! The tool schema of an AgentCore Gateway: the tools of a server, as a Lambda target declares them.
//!
//! A target's schema knows `type`, `properties`, `required`, `items` and `description`, and nothing else:
//! <https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_SchemaDefinition.html> (read 2026-11-26).
//! [`flatten`] writes a JSON Schema in these words, and names what they cannot express; [`merged`] is a schema whose parts are one.

mod flatten;
mod merged;
#[cfg(test)]
mod tests;

use std::fmt;

use rmcp::ErrorData;
use serde_json::{Map, Value, json};

use crate::{
    Delivery, Server,
    auth::{AuthenticatedBy, Principal},
    http::{request_of_message, result_of_response, stateless_message},
    ingress::Ingress,
    time::Deadline,
};

/// The most pages of tools that are read.
const MOST_PAGES: usize = 100;
/// The fields of a tool that a target declares.
const FIELDS: [&str; 4] = ["name", "description", "inputSchema", "outputSchema"];

/// The tool schema of a server, and what it does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSchema {
    /// The tools, as `toolSchema.inlinePayload` of a Lambda target takes them.
    pub tools: Vec<Value>,
    /// What the format cannot express, in the order of the tools.
    pub losses: Vec<Loss>,
}

/// Something that the tool schema of a target cannot express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The name of the tool.
    pub tool: String,
    /// The JSON path within the tool.
    pub path: String,
    /// What is lost, or what stands for it.
    pub what: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.tool, self.path, self.what)
    }
}

impl ToolSchema {
    /// Writes tools, as `tools/list` returns them, as a target declares them.
    #[must_use]
    pub fn of(tools: &[Value]) -> Self {
        let mut schema = Self { tools: Vec::new(), losses: Vec::new() };
        for tool in tools {
            schema.add(tool);
        }
        schema
    }

    fn add(&mut self, tool: &Value) {
        let name = tool["name"].as_str().unwrap_or_default().to_owned();
        let mut lose = |path: &str, what: &str| {
            self.losses.push(Loss { tool: name.clone(), path: path.to_owned(), what: what.to_owned() });
        };
        let description = ["description", "title"].into_iter().find_map(|field| tool[field].as_str());
        if description.is_none() {
            lose("$.description", "is missing and required: the name of the tool stands for it");
        }
        let mut declared = json!({ "name": name, "description": description.unwrap_or(&name) });
        for field in ["inputSchema", "outputSchema"] {
            if let Some(schema) = tool.get(field) {
                declared[field] = flatten::flatten(schema, &format!("$.{field}"), &mut lose);
            }
        }
        for field in tool.as_object().into_iter().flat_map(Map::keys) {
            let stands_for_description = field == "title" && tool["description"].is_null();
            if !FIELDS.contains(&field.as_str()) && !stands_for_description {
                lose(&format!("$.{field}"), "is left out");
            }
        }
        self.tools.push(declared);
    }
}

impl Server {
    /// Lists the tools that an AgentCore Gateway may call, in its format. Tools that need scopes are left out: a gateway has
    /// none.
    ///
    /// # Errors
    ///
    /// The JSON-RPC error of the handler, if it does not list its tools.
    pub async fn agentcore_schema(&self) -> Result<ToolSchema, ErrorData> {
        let scopes = &self.config().auth.tools;
        let gateway = Principal::new("aws:agentcore", "schema").with_authentication(AuthenticatedBy::Invoke);
        // With all scopes, so that what is left out can be named.
        let principal = gateway.clone().with_scopes(scopes.all());
        let (mut tools, mut left_out) = (Vec::new(), Vec::new());
        for tool in self.all_tools(&principal).await? {
            let name = tool["name"].as_str().unwrap_or_default();
            if scopes.allows(&gateway, name) {
                tools.push(tool);
                continue;
            }
            let needed = scopes.of(name).join(" ");
            let what = format!("the tool is left out: it needs the scope {needed}, and a gateway has none");
            left_out.push(Loss { tool: name.to_owned(), path: "$".into(), what });
        }
        let mut schema = ToolSchema::of(&tools);
        schema.losses.extend(left_out);
        Ok(schema)
    }

    pub(crate) async fn all_tools(&self, principal: &Principal) -> Result<Vec<Value>, ErrorData> {
        let deadline = Deadline::after(self.config().request_timeout);
        let (mut tools, mut params) = (Vec::new(), Map::new());
        for _ in 0..MOST_PAGES {
            let message = stateless_message("1", "tools/list", params, "agentcore-schema");
            let mut request = request_of_message(&self.config().path, message, principal.clone());
            request.extensions_mut().insert(Ingress::behind_gateway(deadline, Delivery::Buffered));
            let mut page = result_of_response(self.handle(request).await).await?;
            match page.get_mut("tools").map(Value::take) {
                Some(Value::Array(of_page)) => tools.extend(of_page),
                _ => return Err(ErrorData::internal_error("tools/list returned no tools", None)),
            }
            let Some(cursor) = page.shift_remove("nextCursor") else { return Ok(tools) };
            params = Map::from_iter([("cursor".to_owned(), cursor)]);
        }
        Err(ErrorData::internal_error(format!("tools/list has more than {MOST_PAGES} pages"), None))
    }
}
