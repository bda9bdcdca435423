//! Reads what a server lists, page by page.

use serde_json::{Value, json};

use super::{
    report::{Findings, Subject},
    rules::LIST,
};
use crate::check::{Checked, PAGES, Probe, Stop};

/// Everything that a server lists, as it lists it.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) tools: Vec<Value>,
    pub(super) prompts: Vec<Value>,
    pub(super) resources: Vec<Value>,
    pub(super) templates: Vec<Value>,
}

/// Reads the lists of the capabilities that the server declares. One that cannot be read is a finding.
pub(super) async fn read(probe: &Probe<'_>, findings: &mut Findings) -> Listed {
    let capabilities = probe.capabilities();
    let mut listed = Listed::default();
    for (capability, method, field, into) in [
        ("tools", "tools/list", "tools", &mut listed.tools),
        ("prompts", "prompts/list", "prompts", &mut listed.prompts),
        ("resources", "resources/list", "resources", &mut listed.resources),
        ("resources", "resources/templates/list", "resourceTemplates", &mut listed.templates),
    ] {
        if !capabilities[capability].is_object() {
            continue;
        }
        match all(probe, method, field).await {
            Ok(Some(items)) => *into = items,
            Ok(None) => {}
            Err(Stop::Failed(problem) | Stop::Warning(problem) | Stop::Skipped(problem)) => {
                findings.add(LIST, Subject { kind: "list", name: method }, "", problem);
            }
        }
    }
    listed
}

/// All pages of a list. `None` if the server does not know the method, which only templates may be.
async fn all(probe: &Probe<'_>, method: &str, field: &str) -> Checked<Option<Vec<Value>>> {
    let (mut items, mut cursor) = (Vec::new(), Value::Null);
    for _ in 0..PAGES {
        let params = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
        let mut response = probe.request(method, params).await?.send().await?.response().await?;
        if method == "resources/templates/list" && response["error"]["code"] == -32601 {
            return Ok(None);
        }
        if let Some(error) = response.get("error") {
            return Err(Stop::Failed(format!("the server answers with an error: {error}")));
        }
        let page = &mut response["result"];
        let Value::Array(listed) = page[field].take() else {
            return Err(Stop::Failed(format!("{field} is not a list")));
        };
        items.extend(listed);
        let next = page["nextCursor"].take();
        if next.is_null() {
            return Ok(Some(items));
        }
        if next == cursor {
            return Err(Stop::Failed(format!("the cursor {next} came twice: the pages have no end")));
        }
        cursor = next;
    }
    Err(Stop::Failed(format!("the list has more than {PAGES} pages")))
}
