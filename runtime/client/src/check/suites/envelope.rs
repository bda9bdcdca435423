//! The envelope of 2026-07-28: `_meta` and the headers that repeat the body.

use serde_json::json;

use super::{
    links::{BASIC, CHANGES, HTTP, METADATA, VERSIONING},
    messages::basic,
};
use crate::check::{
    era::{SESSION, STATELESS},
    finding::{Checked, ensure},
    probe::Probe,
    row::{Check, check},
    wire::Draft,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "protocol.meta",
        Protocol,
        Stateless,
        "A request without _meta",
        "A request without params._meta, or without its protocol version or client capabilities, is refused with 400 and -32602.",
        BASIC,
        meta
    ),
    check!(
        "protocol.client-info",
        Protocol,
        Stateless,
        "A request without clientInfo",
        "clientInfo is optional: a request without it is served.",
        BASIC,
        client_info
    ),
    check!(
        "protocol.version-header",
        Protocol,
        Stateless,
        "MCP-Protocol-Version",
        "A request whose header MCP-Protocol-Version is missing, or differs from _meta, is refused with 400 and -32020.",
        METADATA,
        version_header
    ),
    check!(
        "protocol.unsupported-version",
        Protocol,
        Stateless,
        "A version that does not exist",
        "An unsupported version is refused with 400 and -32022; the data names the supported versions and the requested one.",
        VERSIONING,
        unsupported_version
    ),
    check!(
        "protocol.method-header",
        Protocol,
        Stateless,
        "Mcp-Method",
        "A request whose header Mcp-Method is missing, or differs from the method, also in case, is refused with 400 and -32020.",
        METADATA,
        method_header
    ),
    check!(
        "protocol.name-header",
        Protocol,
        Stateless,
        "Mcp-Name",
        "tools/call needs a header Mcp-Name that equals the name of the tool; otherwise it is refused with 400 and -32020.",
        METADATA,
        name_header
    ),
    check!(
        "protocol.encoded-name",
        Protocol,
        Stateless,
        "Mcp-Name in base64",
        "A name between =?base64? and ?= is decoded before it is compared.",
        METADATA,
        encoded_name
    ),
    check!(
        "protocol.header-case",
        Protocol,
        Stateless,
        "Case of header names",
        "The names of headers have no case, and blanks around a value are no part of it.",
        METADATA,
        header_case
    ),
    check!(
        "protocol.removed-methods",
        Protocol,
        Stateless,
        "Methods of earlier revisions",
        "initialize, ping, logging/setLevel and resources/subscribe do not exist in 2026-07-28: 404 and -32601.",
        CHANGES,
        removed_methods
    ),
    check!(
        "protocol.no-session",
        Protocol,
        Stateless,
        "Sessions in 2026-07-28",
        "A session id that the client sends is ignored, and none is sent to it.",
        HTTP,
        no_session
    ),
    check!(
        "protocol.get-and-delete",
        Protocol,
        Stateless,
        "GET and DELETE",
        "GET and DELETE do not exist in 2026-07-28: 405.",
        HTTP,
        get_and_delete
    ),
];

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// Sends a request that must be refused.
async fn refused(what: &str, draft: Draft<'_>, status: u16, code: i64) -> Checked {
    draft.send().await?.refusal().await?.expect(what, &[status], code)
}

fn without_key<'a>(draft: Draft<'a>, key: &str) -> Draft<'a> {
    draft.edit(|body| {
        if let Some(meta) = body["params"]["_meta"].as_object_mut() {
            meta.remove(key);
        }
    })
}

async fn meta(probe: &Probe<'_>) -> Checked {
    let bare = basic(probe).await?.edit(|body| body["params"] = json!({}));
    refused("a request without _meta", bare, 400, -32602).await?;
    for key in [VERSION, "io.modelcontextprotocol/clientCapabilities"] {
        let draft = without_key(basic(probe).await?, key);
        refused(&format!("_meta without {key}"), draft, 400, -32602).await?;
    }
    Ok(())
}

async fn client_info(probe: &Probe<'_>) -> Checked {
    without_key(basic(probe).await?, "io.modelcontextprotocol/clientInfo").send().await?.result().await?;
    Ok(())
}

async fn version_header(probe: &Probe<'_>) -> Checked {
    let missing = basic(probe).await?.without("mcp-protocol-version");
    refused("a request without MCP-Protocol-Version", missing, 400, -32020).await?;
    let different = basic(probe).await?.header("mcp-protocol-version", SESSION);
    refused("a header that differs from _meta", different, 400, -32020).await
}

async fn unsupported_version(probe: &Probe<'_>) -> Checked {
    let draft = basic(probe).await?.header("mcp-protocol-version", "1999-01-01");
    let draft = draft.edit(|body| body["params"]["_meta"][VERSION] = json!("1999-01-01"));
    let refusal = draft.send().await?.refusal().await?;
    refusal.expect("the version 1999-01-01", &[400], -32022)?;
    let data = &refusal.body["error"]["data"];
    ensure!(data["requested"] == "1999-01-01", "data.requested is {}", data["requested"]);
    let supported =
        data["supported"].as_array().is_some_and(|versions| versions.iter().any(|one| one == STATELESS));
    ensure!(supported, "data.supported does not name {STATELESS}: {}", data["supported"]);
    Ok(())
}

async fn method_header(probe: &Probe<'_>) -> Checked {
    for (what, value) in [
        ("a request without Mcp-Method", None),
        ("an Mcp-Method of another method", Some("tools/list")),
        ("an Mcp-Method in upper case", Some("SERVER/DISCOVER")),
    ] {
        let draft = basic(probe).await?.without("mcp-method");
        let draft = value.into_iter().fold(draft, |draft, value| draft.header("mcp-method", value));
        refused(what, draft, 400, -32020).await?;
    }
    Ok(())
}

/// A call of a tool that does not exist: only its headers are of interest.
fn a_call<'a>(probe: &Probe<'a>) -> Draft<'a> {
    probe.stateless("tools/call", json!({ "name": "mcp-lambda-none", "arguments": {} }))
}

async fn name_header(probe: &Probe<'_>) -> Checked {
    let missing = a_call(probe).without("mcp-name");
    refused("tools/call without Mcp-Name", missing, 400, -32020).await?;
    let different = a_call(probe).header("mcp-name", "mcp-lambda-other");
    refused("an Mcp-Name of another tool", different, 400, -32020).await
}

async fn encoded_name(probe: &Probe<'_>) -> Checked {
    let encoded = format!("=?base64?{}?=", STANDARD.encode("mcp-lambda-none"));
    let refusal = a_call(probe).header("mcp-name", encoded).send().await?.refusal().await?;
    ensure!(refusal.code != Some(-32020), "a name in base64 that equals the tool got {refusal}");
    Ok(())
}

async fn header_case(probe: &Probe<'_>) -> Checked {
    let draft = basic(probe).await?.without("mcp-method").header("MCP-METHOD", "  server/discover ");
    draft.send().await?.result().await?;
    Ok(())
}

async fn removed_methods(probe: &Probe<'_>) -> Checked {
    for (method, params) in [
        ("ping", json!({})),
        ("logging/setLevel", json!({ "level": "info" })),
        ("resources/subscribe", json!({ "uri": "test://none" })),
        (
            "initialize",
            json!({ "protocolVersion": STATELESS, "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } }),
        ),
    ] {
        refused(method, probe.stateless(method, params), 404, -32601).await?;
    }
    Ok(())
}

async fn no_session(probe: &Probe<'_>) -> Checked {
    let mut answer = basic(probe).await?.header("mcp-session-id", "mcp-lambda-none").send().await?;
    let minted = answer.header("mcp-session-id");
    answer.result().await?;
    ensure!(minted.is_none(), "the response has the header Mcp-Session-Id");
    Ok(())
}

async fn get_and_delete(probe: &Probe<'_>) -> Checked {
    for method in [Method::GET, Method::DELETE] {
        let draft = probe.draft(method.clone()).header("mcp-protocol-version", STATELESS);
        let answer = draft.header("accept", "application/json, text/event-stream").send().await?;
        let status = answer.status.as_u16();
        ensure!(status == 405, "{method} got HTTP {status} instead of 405");
    }
    Ok(())
}
