//! What a caller may do: the scopes of tools.

use rmcp::model::{CacheScope, ServerResult};
use serde::Deserialize;

use super::{App, Caller, call};
use crate::{
    auth::Principal,
    protocol::{Fault, Request},
};

/// Refuses a call of a tool whose scopes the caller does not hold, before anything of it runs.
pub(super) fn check(app: &App, caller: &Caller, request: &Request) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Outer {
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        name: String,
    }
    let tools = &app.config.auth.tools;
    if tools.is_empty() || request.method != "tools/call" {
        return Ok(());
    }
    let Outer { params: Params { name } } = call::parse(request)?;
    if tools.allows(&caller.principal, &name) {
        return Ok(());
    }
    Err(Fault::InsufficientScope { needed: tools.of(&name).into_iter().map(str::to_owned).collect() })
}

/// Lists only what the caller may call. Such a list is the caller's own: nobody may keep it for others.
pub(super) fn visible(app: &App, principal: &Principal, mut result: ServerResult) -> ServerResult {
    let tools = &app.config.auth.tools;
    if !tools.is_empty()
        && let ServerResult::ListToolsResult(list) = &mut result
    {
        list.tools.retain(|tool| tools.allows(principal, &tool.name));
        list.cache_scope = Some(CacheScope::Private);
    }
    result
}
