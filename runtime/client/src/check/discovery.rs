//! Asks a server what it is, before its checks run.

use serde_json::{Value, json};

use super::{
    era::{Era, SESSION, STATELESS, TASKS},
    facts::{Facts, PAGES},
    finding::{Checked, Stop},
    probe::{Plan, Probe, Target},
    suite::Suite,
};

/// How many tools are called to find one that sends progress, or runs as a task.
const TRIED: usize = 12;

/// Why no check could run.
#[derive(Debug, thiserror::Error)]
pub enum CannotCheck {
    /// There is no server, or it does not answer.
    #[error("cannot reach {url}: {why}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What came of the requests.
        why: String,
    },
    /// What answers is no MCP server.
    #[error(
        "{url} answers neither server/discover nor initialize as an MCP server does: {why}. Does its path end in /mcp?"
    )]
    NoServer {
        /// The URL.
        url: String,
        /// What came of the requests.
        why: String,
    },
}

/// Asks a server.
pub(crate) async fn find(target: &Target, plan: &Plan) -> Result<Facts, CannotCheck> {
    let mut facts = Facts::default();
    let (mut reasons, mut answers) = (Vec::new(), 0);
    for era in [Era::Stateless, Era::Session] {
        let nothing = Facts::default();
        let probe = Probe::new(target, plan, &nothing, era);
        match find_era(&mut facts, &probe, era).await {
            Ok(status) => answers += usize::from(status > 0),
            Err(Stop::Failed(reason) | Stop::Warning(reason) | Stop::Skipped(reason)) => {
                reasons.push(format!("{era}: {reason}"));
            }
        }
        probe.close().await;
    }
    if answers == 0 {
        return Err(CannotCheck::Unreachable { url: target.url.to_string(), why: reasons.join("; ") });
    }
    if facts.stateless.is_none() && facts.session.is_none() && !facts.is_unauthorized {
        return Err(CannotCheck::NoServer { url: target.url.to_string(), why: reasons.join("; ") });
    }
    for era in facts.eras() {
        let tools = all_tools(&Probe::new(target, plan, &facts, era)).await.unwrap_or_default();
        facts.tools.insert(era, tools);
        let probe = Probe::new(target, plan, &facts, era);
        let (speaker, task_tool) = (speaker(&probe).await, task_tool(&probe).await);
        probe.close().await;
        facts.speakers.extend(speaker.map(|speaker| (era, speaker)));
        facts.task_tool = facts.task_tool.or(task_tool);
    }
    Ok(facts)
}

/// Asks in one era, and returns the status of the answer.
async fn find_era(facts: &mut Facts, probe: &Probe<'_>, era: Era) -> Checked<u16> {
    let draft = match era {
        Era::Stateless => probe.stateless("server/discover", json!({})),
        Era::Session => probe.initialize(SESSION),
    };
    let mut answer = draft.send().await?;
    let status = answer.status.as_u16();
    facts.is_unauthorized |= status == 401;
    let session = answer.header("mcp-session-id");
    let Ok(result) = answer.result().await else { return Ok(status) };
    match era {
        Era::Stateless if speaks(&result) => facts.stateless = Some(result),
        Era::Stateless => {}
        Era::Session if result.get("protocolVersion").is_some() => {
            facts.session = Some(result);
            facts.has_session_ids = session.is_some();
            if let Some(id) = session {
                probe.adopt(id);
            }
        }
        Era::Session => {}
    }
    Ok(status)
}

/// Whether a result is one of `server/discover` that offers the revision.
fn speaks(result: &Value) -> bool {
    result["supportedVersions"].as_array().is_none_or(|versions| versions.iter().any(|one| one == STATELESS))
        && result.get("capabilities").is_some()
}

/// The tools that may be called, beginning with those that have a word of progress in their name.
fn candidates<'a>(probe: &Probe<'a>) -> Vec<(&'a Value, Value)> {
    let mut callable = probe.callable();
    callable.sort_by_key(|(tool, _)| {
        let name = tool["name"].as_str().unwrap_or_default();
        !["progress", "steps", "long"].iter().any(|word| name.contains(word))
    });
    callable.truncate(TRIED);
    callable
}

/// The first tool that sends progress when it is called.
async fn speaker(probe: &Probe<'_>) -> Option<(Value, Value)> {
    if ![Suite::Streaming, Suite::Protocol].iter().any(|suite| probe.plan.suites.contains(suite)) {
        return None;
    }
    for (tool, arguments) in candidates(probe) {
        let Ok(draft) = probe.call(tool, &arguments, Some(json!("mcp-lambda-probe"))).await else { continue };
        let Ok(mut answer) = draft.send().await else { continue };
        while let Ok(Some(message)) = answer.message().await {
            if message["method"] == "notifications/progress" {
                return Some((tool.clone(), arguments));
            }
            if message.get("result").is_some() || message.get("error").is_some() {
                break;
            }
        }
    }
    None
}

/// The first tool that becomes a task when it is called.
async fn task_tool(probe: &Probe<'_>) -> Option<(Value, Value)> {
    let wanted = [Suite::Tasks, Suite::Auth].iter().any(|suite| probe.plan.suites.contains(suite));
    if !wanted || !probe.is_stateless() || !probe.capabilities()["extensions"][TASKS].is_object() {
        return None;
    }
    for (tool, arguments) in candidates(probe) {
        let params = json!({ "name": tool["name"], "arguments": arguments });
        let Ok(mut answer) = probe.with_tasks("tools/call", params).send().await else { continue };
        if answer.result().await.is_ok_and(|result| result["resultType"] == "task") {
            return Some((tool.clone(), arguments));
        }
    }
    None
}

/// Every tool of every page.
pub(crate) async fn all_tools(probe: &Probe<'_>) -> Checked<Vec<Value>> {
    let (mut tools, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES {
        let params = cursor.map_or(json!({}), |cursor: Value| json!({ "cursor": cursor }));
        let mut page = probe.request("tools/list", params).await?.send().await?.result().await?;
        if let Value::Array(listed) = page["tools"].take() {
            tools.extend(listed.into_iter().filter(|tool| !tools.contains(tool)).collect::<Vec<_>>());
        }
        match page["nextCursor"].take() {
            Value::Null => break,
            next => cursor = Some(next),
        }
    }
    probe.close().await;
    Ok(tools)
}
