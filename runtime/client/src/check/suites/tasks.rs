//! The tasks extension of 2026-07-28.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::links::TASKS as TASKS_LINK;
use crate::check::{
    era::TASKS,
    finding::{Checked, ensure, failed, skipped},
    probe::Probe,
    row::{Check, check},
    wire::brief,
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "tasks.declared",
        Tasks,
        Stateless,
        "Where tasks are declared",
        "Tasks are declared as the extension io.modelcontextprotocol/tasks, and not as the capability tasks of 2025-11-25.",
        TASKS_LINK,
        declared
    ),
    check!(
        "tasks.undeclared",
        Tasks,
        Stateless,
        "Clients that do not declare tasks",
        "tasks/get, tasks/update and tasks/cancel of a client that does not declare the extension are refused with 400 and -32021.",
        TASKS_LINK,
        undeclared
    ),
    check!(
        "tasks.unasked",
        Tasks,
        Stateless,
        "Calls of clients that do not declare tasks",
        "A call becomes a task only if its client declares the extension.",
        TASKS_LINK,
        unasked
    ),
    check!(
        "tasks.unknown",
        Tasks,
        Stateless,
        "An unknown task",
        "tasks/get of an unknown task is refused with -32602.",
        TASKS_LINK,
        unknown
    ),
    check!(
        "tasks.removed",
        Tasks,
        Stateless,
        "Methods of the tasks of 2025-11-25",
        "tasks/list and tasks/result do not exist in 2026-07-28: 404 and -32601.",
        TASKS_LINK,
        removed
    ),
    check!(
        "tasks.created",
        Tasks,
        Stateless,
        "Shape of a new task",
        "A new task is a flat result of resultType \"task\" with taskId, status, createdAt, lastUpdatedAt and ttlMs.",
        TASKS_LINK,
        created
    ),
    check!(
        "tasks.readable",
        Tasks,
        Stateless,
        "A new task can be read",
        "A task can be read as soon as its creation has been answered; the resultType of tasks/get is \"complete\".",
        TASKS_LINK,
        readable
    ),
    check!(
        "tasks.lifecycle",
        Tasks,
        Stateless,
        "The way of a task",
        "A task that has ended keeps its status.",
        TASKS_LINK,
        lifecycle
    ),
    check!(
        "tasks.outcome",
        Tasks,
        Stateless,
        "The outcome of a task",
        "A completed task has the result of its call, a failed one its error, and no task has both.",
        TASKS_LINK,
        outcome
    ),
    check!(
        "tasks.cancel-ended",
        Tasks,
        Stateless,
        "Cancelling a task that has ended",
        "tasks/cancel of a task that has ended is acknowledged with an empty result.",
        TASKS_LINK,
        cancel_ended
    ),
    check!(
        "tasks.name-header",
        Tasks,
        Stateless,
        "Mcp-Name of tasks",
        "The header Mcp-Name of tasks/get equals the id of the task; otherwise it is refused with 400 and -32020.",
        TASKS_LINK,
        name_header
    ),
];

/// The statuses that no task leaves.
const ENDED: [&str; 3] = ["completed", "failed", "cancelled"];

fn has_tasks(probe: &Probe<'_>) -> Checked {
    if !probe.capabilities()["extensions"][TASKS].is_object() {
        skipped!("the server does not declare the extension {TASKS}");
    }
    Ok(())
}

/// Starts a task.
async fn create(probe: &Probe<'_>) -> Checked<Value> {
    has_tasks(probe)?;
    let Some((tool, arguments)) = &probe.facts.task_tool else {
        skipped!("no tool that may be called runs as a task (readOnlyHint, or --tool)")
    };
    let params = json!({ "name": tool["name"], "arguments": arguments });
    let task = probe.with_tasks("tools/call", params).send().await?.result().await?;
    ensure!(task["resultType"] == "task", "the resultType of the call is {} this time", task["resultType"]);
    Ok(task)
}

fn id(task: &Value) -> Checked<&str> {
    match task["taskId"].as_str() {
        Some(id) => Ok(id),
        None => skipped!("the new task has no taskId: {}", brief(task)),
    }
}

async fn get(probe: &Probe<'_>, id: &str) -> Checked<Value> {
    probe.with_tasks("tasks/get", json!({ "taskId": id })).send().await?.result().await
}

/// Polls a task until it has ended.
async fn ended(probe: &Probe<'_>) -> Checked<Value> {
    let task = create(probe).await?;
    let id = id(&task)?;
    let deadline = Instant::now() + probe.plan.timeout;
    // The server's interval is a wish for clients that wait long: a check waits for one task.
    let pause = Duration::from_millis(task["pollIntervalMs"].as_u64().unwrap_or(1000).clamp(50, 250));
    while Instant::now() < deadline {
        let state = get(probe, id).await?;
        match state["status"].as_str() {
            Some(status) if ENDED.contains(&status) => return Ok(state),
            Some("working") => sleep(pause).await,
            Some("input_required") => skipped!("the task asks for input"),
            _ => failed!("the status of a task is {}", state["status"]),
        }
    }
    failed!("the task did not end within {:?}", probe.plan.timeout)
}

async fn declared(probe: &Probe<'_>) -> Checked {
    let capabilities = probe.capabilities();
    let old = &capabilities["tasks"];
    ensure!(old.is_null(), "the capability tasks of 2025-11-25 is declared: {old}");
    has_tasks(probe)
}

async fn undeclared(probe: &Probe<'_>) -> Checked {
    has_tasks(probe)?;
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let params = json!({ "taskId": "mcp-lambda-none", "inputResponses": {} });
        let refusal = probe.stateless(method, params).send().await?.refusal().await?;
        refusal.expect(&format!("{method} without the extension"), &[400], -32021)?;
    }
    Ok(())
}

async fn unasked(probe: &Probe<'_>) -> Checked {
    has_tasks(probe)?;
    let Some((tool, arguments)) = &probe.facts.task_tool else {
        skipped!("no tool that may be called runs as a task (readOnlyHint, or --tool)")
    };
    let params = json!({ "name": tool["name"], "arguments": arguments });
    let response = probe.stateless("tools/call", params).send().await?.response().await?;
    let kind = &response["result"]["resultType"];
    ensure!(kind != "task", "a client that does not declare tasks got a task");
    Ok(())
}

async fn unknown(probe: &Probe<'_>) -> Checked {
    has_tasks(probe)?;
    let draft = probe.with_tasks("tasks/get", json!({ "taskId": "mcp-lambda-none" }));
    draft.send().await?.refusal().await?.expect("an unknown task", &[200, 400, 404], -32602)
}

async fn removed(probe: &Probe<'_>) -> Checked {
    has_tasks(probe)?;
    for method in ["tasks/list", "tasks/result"] {
        let refusal =
            probe.with_tasks(method, json!({ "taskId": "mcp-lambda-none" })).send().await?.refusal().await?;
        refusal.expect(method, &[404], -32601)?;
    }
    Ok(())
}

async fn created(probe: &Probe<'_>) -> Checked {
    let task = create(probe).await?;
    let shown = brief(&task);
    for field in ["taskId", "status", "createdAt", "lastUpdatedAt"] {
        ensure!(task[field].is_string(), "a new task has no {field}: {shown}");
    }
    let has_ttl = task.get("ttlMs").is_some_and(|ttl| ttl.is_u64() || ttl.is_null());
    ensure!(has_ttl, "the ttlMs of a new task is neither an integer nor null: {shown}");
    for field in ["task", "result", "error", "inputRequests", "requestState", "ttl", "pollInterval"] {
        ensure!(task.get(field).is_none(), "a new task has {field}: {shown}");
    }
    Ok(())
}

async fn readable(probe: &Probe<'_>) -> Checked {
    let task = create(probe).await?;
    let state = get(probe, id(&task)?).await?;
    ensure!(state["resultType"] == "complete", "the resultType of tasks/get is {}", state["resultType"]);
    ensure!(
        state["taskId"] == task["taskId"],
        "tasks/get returned {} for {}",
        state["taskId"],
        task["taskId"]
    );
    Ok(())
}

async fn lifecycle(probe: &Probe<'_>) -> Checked {
    let state = ended(probe).await?;
    for _ in 0..2 {
        let again = get(probe, id(&state)?).await?;
        let (before, now) = (&state["status"], &again["status"]);
        ensure!(before == now, "a task that was {before} is {now}");
    }
    Ok(())
}

async fn outcome(probe: &Probe<'_>) -> Checked {
    let state = ended(probe).await?;
    let has = (state["result"].is_object(), state["error"].is_object());
    let expected = match state["status"].as_str() {
        Some("completed") => (true, false),
        Some("failed") => (false, true),
        _ => (false, false),
    };
    ensure!(has == expected, "the outcome of a task that is {}: {}", state["status"], brief(&state));
    Ok(())
}

async fn cancel_ended(probe: &Probe<'_>) -> Checked {
    let state = ended(probe).await?;
    let params = json!({ "taskId": id(&state)? });
    let result = probe.with_tasks("tasks/cancel", params).send().await?.result().await?;
    let is_empty =
        result.as_object().is_some_and(|all| all.keys().all(|key| key == "resultType" || key == "_meta"));
    ensure!(is_empty, "tasks/cancel returned {}", brief(&result));
    Ok(())
}

async fn name_header(probe: &Probe<'_>) -> Checked {
    has_tasks(probe)?;
    let draft = probe.with_tasks("tasks/get", json!({ "taskId": "mcp-lambda-none" }));
    let refusal = draft.header("mcp-name", "mcp-lambda-other").send().await?.refusal().await?;
    refusal.expect("tasks/get with the Mcp-Name of another task", &[400], -32020)
}
