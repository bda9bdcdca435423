//! Lists: the pages of all handlers as one page.

use futures::future::join_all;
use rmcp::{
    ErrorData,
    model::{ClientRequest, CustomResult, ErrorCode, ServerCapabilities, ServerResult},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    cursor::ListCursor,
    mounts::{Composed, LIST_TIME, Mount},
    prefix::LONGEST_NAME,
};
use crate::handler::{HandlerError, HandlerResult, Request, cursors};

/// The key of a result's `_meta` with the prefixes of the handlers that are missing from it.
const MISSING: &str = "mcp-lambda-server/missing";

/// A kind of list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Tools,
    Prompts,
    Resources,
    Templates,
    Skills,
}

impl List {
    fn of(request: &ClientRequest) -> Option<Self> {
        Some(match request {
            ClientRequest::ListToolsRequest(_) => Self::Tools,
            ClientRequest::ListPromptsRequest(_) => Self::Prompts,
            ClientRequest::ListResourcesRequest(_) => Self::Resources,
            ClientRequest::ListResourceTemplatesRequest(_) => Self::Templates,
            ClientRequest::ListSkillsRequest(_) => Self::Skills,
            _ => return None,
        })
    }

    /// The field of the items.
    fn field(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Skills => "skills",
        }
    }

    fn is_declared(self, capabilities: &ServerCapabilities) -> bool {
        match self {
            Self::Tools => capabilities.tools.is_some(),
            Self::Prompts => capabilities.prompts.is_some(),
            Self::Resources | Self::Templates => capabilities.resources.is_some(),
            Self::Skills => capabilities.supports_skills(),
        }
    }

    /// The result in rmcp's type, which layers complete. One that rmcp cannot read passes as it is.
    fn typed(self, page: Value) -> ServerResult {
        fn read<T: DeserializeOwned>(
            page: &Value,
            variant: impl FnOnce(T) -> ServerResult,
        ) -> Option<ServerResult> {
            T::deserialize(page).ok().map(variant)
        }
        let typed = match self {
            Self::Tools => read(&page, ServerResult::ListToolsResult),
            Self::Prompts => read(&page, ServerResult::ListPromptsResult),
            Self::Resources => read(&page, ServerResult::ListResourcesResult),
            Self::Templates => read(&page, ServerResult::ListResourceTemplatesResult),
            Self::Skills => read(&page, ServerResult::ListSkillsResult),
        };
        typed.unwrap_or_else(|| ServerResult::CustomResult(CustomResult(page)))
    }
}

/// A page that is put together.
struct Page {
    list: List,
    fields: Map<String, Value>,
    items: Vec<Value>,
    cursor: ListCursor,
    missing: Vec<Value>,
    /// Whether a part came as JSON, so that the whole is passed on as it is.
    is_passed: bool,
}

impl Composed {
    /// One page of all handlers: their first pages, or the next ones of those that have more.
    pub(super) async fn list(&self, request: Request) -> HandlerResult {
        let Some(list) = List::of(&request.typed) else { return Err(not_listed().into()) };
        let mut mounts = self.with(|capabilities| list.is_declared(capabilities));
        let cursor = match cursors::cursor(&request.typed) {
            None => None,
            Some(text) => {
                let is_prefix = |prefix: &str| mounts.iter().any(|mount| mount.prefix.as_str() == prefix);
                let read = ListCursor::read(text, is_prefix);
                Some(read.ok_or_else(|| HandlerError::Refused(cursors::unknown(text)))?)
            }
        };
        if let Some(cursor) = &cursor {
            mounts.retain(|mount| cursor.get(mount.prefix.as_str()).is_some());
        }
        let asked = mounts.iter().map(|mount| {
            let mut request = request.clone();
            let cursor = cursor.as_ref().and_then(|cursor| cursor.get(mount.prefix.as_str()));
            cursors::set_cursor(&mut request.typed, cursor.map(str::to_owned));
            timeout(LIST_TIME, self.handler(mount).request(request))
        });
        let mut page = Page::new(list);
        let mut first_error = None;
        for (mount, answered) in mounts.iter().zip(join_all(asked).await) {
            let result = answered.unwrap_or_else(|_| Err(too_slow().into()));
            match result.and_then(|result| page.add(mount, result, self)) {
                Ok(()) => {}
                Err(HandlerError::Handler(error)) if error.code == ErrorCode::METHOD_NOT_FOUND => {}
                Err(error) => {
                    tracing::warn!(server = %mount.prefix, list = list.field(), ?error, "a server is missing from a list");
                    page.missing.push(mount.prefix.as_str().into());
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) if page.missing.len() == mounts.len() => Err(error),
            _ => Ok(page.result()),
        }
    }
}

impl Page {
    fn new(list: List) -> Self {
        Self {
            list,
            fields: Map::new(),
            items: Vec::new(),
            cursor: ListCursor::default(),
            missing: Vec::new(),
            is_passed: false,
        }
    }

    /// Adds the page of one handler.
    fn add(&mut self, mount: &Mount, result: ServerResult, composed: &Composed) -> Result<(), HandlerError> {
        self.is_passed |= matches!(result, ServerResult::CustomResult(_));
        let Ok(Value::Object(mut part)) = serde_json::to_value(result) else {
            return Err(not_listed().into());
        };
        let Some(Value::Array(items)) = part.shift_remove(self.list.field()) else {
            return Err(not_listed().into());
        };
        if let Some(Value::String(cursor)) = part.shift_remove("nextCursor") {
            self.cursor.insert(mount.prefix.as_str(), cursor);
        }
        for mut item in items {
            if self.admit(mount, &mut item, composed) {
                self.items.push(item);
            }
        }
        self.merge_fields(part);
        Ok(())
    }

    /// Renames an item. `false`: it cannot be listed.
    fn admit(&self, mount: &Mount, item: &mut Value, composed: &Composed) -> bool {
        match self.list {
            List::Tools | List::Prompts => {
                let Some(own) = item["name"].as_str() else { return false };
                let name = mount.prefix.name(own);
                if name.len() > LONGEST_NAME {
                    tracing::warn!(
                        name,
                        "a name is left out: with its prefix it is longer than {LONGEST_NAME}"
                    );
                    return false;
                }
                item["name"] = name.into();
                true
            }
            List::Resources | List::Templates => {
                let field = if self.list == List::Resources { "uri" } else { "uriTemplate" };
                let Some(uri) = item[field].as_str() else { return false };
                let is_first = !self.items.iter().any(|known| known[field] == *uri);
                if is_first {
                    composed.owners.learn(uri, mount.prefix.as_str());
                } else {
                    tracing::warn!(uri, server = %mount.prefix, "a resource is left out: another server lists its URI");
                }
                is_first
            }
            List::Skills => true,
        }
    }

    /// Keeps the shortest freshness of all parts, and the narrowest scope of caches.
    fn merge_fields(&mut self, part: Map<String, Value>) {
        for (field, value) in part {
            let known = self.fields.get(&field);
            let kept = match (field.as_str(), known) {
                (_, None) => value,
                ("ttlMs", Some(known)) => {
                    if value.as_u64() < known.as_u64() {
                        value
                    } else {
                        known.clone()
                    }
                }
                ("cacheScope", Some(known)) => {
                    if value == "public" {
                        known.clone()
                    } else {
                        value
                    }
                }
                ("_meta", Some(Value::Object(known))) => {
                    let mut known = known.clone();
                    known.extend(value.as_object().cloned().unwrap_or_default());
                    known.into()
                }
                (_, Some(known)) => known.clone(),
            };
            self.fields.insert(field, kept);
        }
    }

    fn result(mut self) -> ServerResult {
        if !self.missing.is_empty() {
            let meta = self.fields.entry("_meta").or_insert_with(|| json!({}));
            meta[MISSING] = self.missing.into();
            // The list is another one as soon as they are back.
            self.fields.shift_remove("ttlMs");
        }
        self.fields.insert(self.list.field().into(), self.items.into());
        if let Some(cursor) = self.cursor.text() {
            self.fields.insert("nextCursor".into(), cursor.into());
        }
        let page = Value::Object(self.fields);
        if self.is_passed { ServerResult::CustomResult(CustomResult(page)) } else { self.list.typed(page) }
    }
}

fn not_listed() -> ErrorData {
    ErrorData::internal_error("the server answered with no list", None)
}

fn too_slow() -> ErrorData {
    ErrorData::internal_error(format!("the server did not list within {} seconds", LIST_TIME.as_secs()), None)
}
