//! Results: of `server/discover` and `initialize`, and what all results of an era have.

use serde_json::{Value, json};

use super::{
    links::{CACHING, DISCOVER, NEGOTIATION, PING, RESOURCES, RESPONSES, RESULTS, VERSION_HEADER},
    messages::basic,
};
use crate::check::{
    era::{SESSION, STATELESS},
    finding::{Checked, ensure, failed, skipped, warning},
    probe::Probe,
    row::{Check, check},
    wire::brief,
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "protocol.discover",
        Protocol,
        Stateless,
        "server/discover",
        "server/discover names the supported versions, this one among them, and the capabilities.",
        DISCOVER,
        discover
    ),
    check!(
        "protocol.result-type",
        Protocol,
        Stateless,
        "resultType",
        "Every result has a resultType.",
        RESULTS,
        result_type
    ),
    check!(
        "protocol.server-info",
        Protocol,
        Stateless,
        "serverInfo",
        "Every result should name the server in _meta.",
        RESPONSES,
        server_info
    ),
    check!(
        "protocol.cache-hints",
        Protocol,
        Stateless,
        "ttlMs and cacheScope",
        "Results of server/discover and of lists have a ttlMs of 0 or more, and a cacheScope that is public or private.",
        CACHING,
        cache_hints
    ),
    check!(
        "protocol.resource-not-found",
        Protocol,
        Each,
        "A resource that does not exist",
        "A resource that does not exist is an error: -32602 in 2026-07-28, -32002 before.",
        RESOURCES,
        resource_not_found
    ),
    check!(
        "protocol.initialize",
        Protocol,
        Session,
        "Negotiation of the version",
        "initialize answers with the version that was asked for if the server has it, else with another that has sessions.",
        NEGOTIATION,
        initialize
    ),
    check!(
        "protocol.session-version-header",
        Protocol,
        Session,
        "An invalid MCP-Protocol-Version",
        "A request with an invalid or unsupported MCP-Protocol-Version is refused with 400.",
        VERSION_HEADER,
        session_version_header
    ),
    check!("protocol.ping", Protocol, Session, "ping", "ping is answered with an empty result.", PING, ping),
];

async fn discover(probe: &Probe<'_>) -> Checked {
    let result = basic(probe).await?.send().await?.result().await?;
    let versions = result["supportedVersions"].as_array();
    let names = versions.is_some_and(|versions| versions.iter().any(|one| one == STATELESS));
    ensure!(names, "supportedVersions does not name {STATELESS}: {}", brief(&result["supportedVersions"]));
    ensure!(result["capabilities"].is_object(), "capabilities is not an object: {}", brief(&result));
    Ok(())
}

/// The methods that this server answers without parameters.
fn lists(probe: &Probe<'_>) -> Vec<&'static str> {
    let capabilities = probe.capabilities();
    let declared = [("tools", "tools/list"), ("prompts", "prompts/list"), ("resources", "resources/list")];
    let has = |name: &str| capabilities[name].is_object();
    declared.into_iter().filter(|(name, _)| has(name)).map(|(_, method)| method).collect()
}

async fn result_type(probe: &Probe<'_>) -> Checked {
    for method in [&["server/discover"][..], &lists(probe)].concat() {
        let result = probe.stateless(method, json!({})).send().await?.result().await?;
        ensure!(result["resultType"] == "complete", "the resultType of {method} is {}", result["resultType"]);
    }
    Ok(())
}

async fn server_info(probe: &Probe<'_>) -> Checked {
    for method in [&["server/discover"][..], &lists(probe)].concat() {
        let result = probe.stateless(method, json!({})).send().await?.result().await?;
        let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
        if !(info["name"].is_string() && info["version"].is_string()) {
            warning!("the result of {method} does not name the server in _meta: {info}");
        }
    }
    Ok(())
}

async fn cache_hints(probe: &Probe<'_>) -> Checked {
    for method in [&["server/discover"][..], &lists(probe)].concat() {
        let result = probe.stateless(method, json!({})).send().await?.result().await?;
        ensure!(result["ttlMs"].is_u64(), "the ttlMs of {method} is {}", result["ttlMs"]);
        let scope = &result["cacheScope"];
        ensure!(scope == "public" || scope == "private", "the cacheScope of {method} is {scope}");
    }
    Ok(())
}

async fn resource_not_found(probe: &Probe<'_>) -> Checked {
    if !probe.capabilities()["resources"].is_object() {
        skipped!("the server has no resources");
    }
    let params = json!({ "uri": "mcp-lambda-test://no/such/resource" });
    let refusal = probe.request("resources/read", params).await?.send().await?.refusal().await?;
    match (refusal.code, probe.is_stateless()) {
        (Some(-32602), true) | (Some(-32002), false) => Ok(()),
        (Some(code), false) => warning!("the code is {code} instead of -32002"),
        _ => failed!("a resource that does not exist got {refusal}"),
    }
}

async fn initialize(probe: &Probe<'_>) -> Checked {
    let negotiated = async |asked: &str| -> Checked<Value> {
        let mut answer = probe.initialize(asked).send().await?;
        if let Some(id) = answer.header("mcp-session-id") {
            probe.adopt(id);
        }
        Ok(answer.result().await?["protocolVersion"].take())
    };
    let unknown = negotiated("1999-01-01").await?;
    ensure!(unknown.is_string() && unknown != "1999-01-01", "1999-01-01 was answered with {unknown}");
    ensure!(unknown != STATELESS, "initialize was answered with {STATELESS}, which has no initialize");
    let newest = probe.facts.session.as_ref().map(|result| result["protocolVersion"].clone());
    let newest = newest.unwrap_or_else(|| json!(SESSION));
    let again = negotiated(newest.as_str().unwrap_or(SESSION)).await?;
    ensure!(again == newest, "{newest} is supported, and was answered with {again}");
    Ok(())
}

async fn session_version_header(probe: &Probe<'_>) -> Checked {
    let answer = basic(probe).await?.header("mcp-protocol-version", "1999-01-01").send().await?;
    let status = answer.status.as_u16();
    ensure!(status == 400, "MCP-Protocol-Version: 1999-01-01 got HTTP {status} instead of 400");
    Ok(())
}

async fn ping(probe: &Probe<'_>) -> Checked {
    let result = basic(probe).await?.send().await?.result().await?;
    let is_empty = result.as_object().is_some_and(|fields| fields.keys().all(|key| key == "_meta"));
    ensure!(is_empty, "the result of ping is {}", brief(&result));
    Ok(())
}
