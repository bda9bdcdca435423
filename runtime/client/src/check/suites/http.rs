//! What HTTP and browsers want: origins, `Vary`, caches.

use serde_json::json;

use super::{
    links::{CACHE_CONTROL, ORIGIN, VARY},
    messages::basic,
    streaming::speak,
};
use crate::check::{
    finding::{Checked, ensure, skipped, warning},
    probe::Probe,
    row::{Check, check},
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "protocol.origin",
        Protocol,
        Each,
        "A foreign origin",
        "A request from an origin that is not allowed is refused with 403.",
        ORIGIN,
        origin
    ),
    check!(
        "protocol.vary",
        Protocol,
        Each,
        "Vary: Origin",
        "A response that allows one origin, and not all, says that it varies with the origin.",
        VARY,
        vary
    ),
    check!(
        "protocol.cache-control",
        Protocol,
        Each,
        "Caches and event streams",
        "An event stream should tell caches not to keep it.",
        CACHE_CONTROL,
        cache_control
    ),
];

async fn origin(probe: &Probe<'_>) -> Checked {
    let answer = basic(probe).await?.header("origin", "https://mcp-lambda-foreign.example").send().await?;
    if answer.header("access-control-allow-origin").as_deref() == Some("*") {
        skipped!("the server allows every origin (Access-Control-Allow-Origin: *)");
    }
    let status = answer.status.as_u16();
    ensure!(status == 403, "Origin: https://mcp-lambda-foreign.example got HTTP {status} instead of 403");
    Ok(())
}

async fn vary(probe: &Probe<'_>) -> Checked {
    let own = probe.target.url.origin().ascii_serialization();
    let answer = basic(probe).await?.header("origin", own).send().await?;
    let Some(allowed) = answer.header("access-control-allow-origin").filter(|origin| origin != "*") else {
        skipped!("the response allows no single origin");
    };
    let mut names =
        answer.headers.get_all("vary").iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let varies = names.any(|name| [&b"origin"[..], b"*"].contains(&name.to_ascii_lowercase().trim_ascii()));
    ensure!(varies, "the response allows {allowed}, and has no Vary: Origin");
    Ok(())
}

async fn cache_control(probe: &Probe<'_>) -> Checked {
    let answer = speak(probe, Some(json!("cache"))).await?;
    let value = answer.header("cache-control").unwrap_or_default().to_ascii_lowercase();
    if !["no-cache", "no-store"].iter().any(|directive| value.contains(directive)) {
        warning!("the event stream has the Cache-Control {value:?}");
    }
    Ok(())
}
